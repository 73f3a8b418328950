"""The toolsets that an address chooses: `/mcp?toolsets=crud,work`.

Every request to `/mcp` carries the whole address. Over SSE only the GET does that opens the stream: its
session keeps the choice for the messages that are posted.

An address with a choice is a resource of its own in the sign-in metadata (RFC 9728, section 3.3): clients
compare the metadata with the address that their user typed, query included.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from urllib.parse import parse_qsl

from mcp.types import INVALID_PARAMS
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from toolbridge_mcp.choice import Choice, choose
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.web.entry.address import MESSAGES_PATH, route_path
from toolbridge_mcp.web.refused import BAD_REQUEST, Refused

PARAMETER = "toolsets"
MAX_QUERY_BYTES = 2_048
MAX_FIELDS = 50
SHOWN = 40
"""As many characters of an unknown name are quoted."""

REMEMBERED = 64
"""Queries whose choice is remembered."""

_NAME = PARAMETER.encode()

_QUOTABLE = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]+")
"""What a query consists of (RFC 3986, section 3.4). It needs no escapes in a header."""

_SEPARATORS = re.compile(r"[,\s]+")


class ToolsetsInAddresses:
    """Reads the choices of addresses, and keeps those of the sessions of SSE."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(known)
        self._queries: dict[str, str] = {}
        self._remembered = lru_cache(REMEMBERED)(self._read)

    def choice(self, query: bytes) -> Choice:
        """What a query chooses; None if it names nothing. Raises `Refused` for a name that is unknown."""
        return self._remembered(query) if _NAME in query.lower() else None

    def query_in(self, query: bytes) -> str:
        """A query with a choice as it was typed, with its `?`; else empty. Raises `Refused`."""
        text = query.decode("latin-1")
        return f"?{text}" if self.choice(query) and _QUOTABLE.fullmatch(text) else ""

    def keep(self, session_id: str, scope: Scope) -> None:
        """Remembers the address of a new session of SSE, if it has a choice."""
        if query := self.query_in(scope["query_string"]):
            self._queries[session_id] = query

    def forget(self, session_id: str) -> None:
        self._queries.pop(session_id, None)

    def query_of(self, scope: Scope) -> str:
        """What follows the path in the address of the request's client, with its `?`; empty without a
        choice. For a message over SSE it is the address of its session."""
        if route_path(scope) == MESSAGES_PATH:
            session_id = QueryParams(scope["query_string"]).get("session_id", "")
            return self._queries.get(session_id, "")
        return self.query_in(scope["query_string"])

    def _read(self, query: bytes) -> Choice:
        if len(query) > MAX_QUERY_BYTES:
            raise _refused(f"The query of the address has more than {MAX_QUERY_BYTES} bytes.")
        try:
            fields = parse_qsl(query.decode("latin-1"), max_num_fields=MAX_FIELDS)
        except ValueError:
            raise _refused(f"The query of the address has more than {MAX_FIELDS} fields.") from None
        values = " ".join(value for name, value in fields if name.lower() == PARAMETER)
        names = [name for name in _SEPARATORS.split(values.lower()) if name]
        for name in names:
            if name not in self._known:
                raise _refused(self._unknown(name))
        return frozenset(names) or None

    def _unknown(self, name: str) -> str:
        shown = ascii(name if len(name) <= SHOWN else f"{name[:SHOWN]}...")
        meant = get_close_matches(name[:SHOWN], self._known, n=1)
        return (
            f"There is no toolset {shown}. {f'Did you mean {meant[0]}? ' if meant else ''}"
            f"The toolsets are {', '.join(self._known)}; the address names one or several of them, as in "
            f"?{PARAMETER}={','.join(self._known[:2])}."
        )


class ToolsetsOfAddress:
    """Middleware in front of authentication: a client is not asked to sign in for an address that cannot
    work."""

    def __init__(self, app: ASGIApp, toolsets: ToolsetsInAddresses) -> None:
        self._app = app
        self._toolsets = toolsets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        if query:
            try:
                choose(scope, self._toolsets.choice(query))
            except Refused as refused:
                count_refusal(refused.reason, refused.code)
                await refused.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refused(says: str) -> Refused:
    return Refused("unknown_toolset", BAD_REQUEST, says, code=INVALID_PARAMS)
