"""The sessions of SSE, as middleware of FastMCP's application for it: each is a stream and its messages."""

import re

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.address import MESSAGES_PATH, SSE_PATH
from toolbridge_mcp.web.replay import Machine
from toolbridge_mcp.web.sessions import SessionCount, expiry_of, owner_of, session_owner_of
from toolbridge_mcp.web.streams import OpenStreams, Stream
from toolbridge_mcp.web.too_large import told_in_band

STALL_SECONDS = 0.25
MAX_UNREAD = 32
"""Messages that a session may still send while its client leaves answers unread for `STALL_SECONDS`."""

_SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")
_INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
_NO_SESSION = JSONResponse(
    {"error": "session_not_found", "error_description": "There is no such session; connect again."}, 404
)
_ONLY_GET = Response("Method Not Allowed", status_code=405, headers={"Allow": "GET"})


class SseSessions:
    """All SSE sessions of the process."""

    def __init__(self, streams: OpenStreams, count: SessionCount, machine: Machine) -> None:
        self._streams = streams
        self._count = count
        self._machine = machine
        self._by_id: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def around(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif not scope["path"].endswith(SSE_PATH):
                await self._message(app, scope, receive, send)
            elif scope["method"] == "GET":
                await self._open(app, scope, receive, send)
            else:
                await _ONLY_GET(scope, receive, send)

        return call

    async def _open(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        stream = self._streams.new(scope, receive, send)
        session_ids: list[str] = []

        async def send_endpoint_first(message: Message) -> None:
            if not session_ids and (found := _SESSION_ID.search(message.get("body", b""))):
                session_ids.append(found[1].decode())
                self._by_id[session_ids[0]] = stream
                message = {**message, "body": message["body"].replace(found[0], found[0] + self._suffix)}
                await _declare_initialized(app, scope, session_ids[0])
            await stream.send(message)

        with self._count.one_more(owner):
            try:
                await self._streams.carry(stream, app, scope, send_endpoint_first)
            finally:
                for session_id in session_ids:
                    del self._by_id[session_id]

    @property
    def _suffix(self) -> bytes:
        """What the address for messages says of the machine that they are for."""
        return f"&machine={self._machine.name}".encode() if self._machine.name else b""

    async def _message(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """The SDK knows a session by other spellings of its id too, so it sees messages only for those known
        here."""
        if scope["method"] != "POST":
            await app(scope, receive, send)
            return
        query = QueryParams(scope["query_string"])
        stream = self._by_id.get(query.get("session_id", ""))
        if stream is None:
            refusal = self._machine.elsewhere(scope, query.get("machine")) or _NO_SESSION
            await refusal(scope, receive, send)
        elif refused := self._refusal(stream, scope):
            await refused(scope, receive, send)
        else:
            await told_in_band(app, stream, scope, receive, send)

    def _refusal(self, stream: Stream, scope: Scope) -> Response | None:
        """None for a message of the session, which is in use then."""
        if stream.owner != session_owner_of(scope):
            return _NO_SESSION
        if stream.is_stalled(STALL_SECONDS):
            stream.unread += 1
            if stream.unread > MAX_UNREAD:
                return _too_slow()
        stream.use(expiry_of(scope))
        return None


async def _declare_initialized(app: ASGIApp, scope: Scope, session_id: str) -> None:
    """Makes a new session ready for calls before its client knows of it.

    The TypeScript SDK opens a stream anew when one was cut, for instance by a restart of the gateway, and
    goes on without initializing the new session: every later call would fail. A client that does initialize
    it is answered as ever.
    """
    message = {
        **scope,
        "method": "POST",
        "path": scope.get("root_path", "") + MESSAGES_PATH,
        "query_string": f"session_id={session_id}".encode(),
        "headers": [*scope["headers"], (b"content-type", b"application/json")],
    }

    async def body() -> Message:
        return {"type": "http.request", "body": _INITIALIZED, "more_body": False}

    async def nowhere(_: Message) -> None: ...

    await app(message, body, nowhere)


def _too_slow() -> Response:
    says = "The session's stream is not being read; read the answers that are there first."
    return JSONResponse(
        {"error": "answers_unread", "error_description": says}, status_code=429, headers={"Retry-After": "1"}
    )
