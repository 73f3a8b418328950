"""The streams of SSE sessions: how long they live, and how they end."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.web.address import SSE_PATH
from toolbridge_mcp.web.sessions import Owner, SessionCount, access_of, owner_of

STALL_SECONDS = 0.25
MAX_UNREAD = 32
"""Messages that a session may still send while its client leaves answers unread for `STALL_SECONDS`."""

FAREWELL_SECONDS = 1

_SESSION_ID = re.compile(rb"session_id=([0-9a-f]{32})")
_ONLY_GET = Response("Method Not Allowed", status_code=405, headers={"Allow": "GET"})
_LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """In seconds: without a message, beyond the expiry of the newest token, and with answers unread."""

    idle: float
    expired: float
    stalled: float


class Stream:
    """One open stream, between the client's connection and FastMCP."""

    def __init__(self, owner: Owner, receive: Receive, send: Send, clock: Callable[[], float]) -> None:
        self.owner = owner
        self._receive = receive
        self._send = send
        self._clock = clock
        self._over = asyncio.Event()
        self.used_at = clock()
        self.expires = 0.0
        self.sending_since: float | None = None
        self.unread = 0
        self.session_id: str | None = None

    def end(self) -> None:
        """FastMCP sees a client that left, and stops what it does for it."""
        self._over.set()

    def is_stalled(self, seconds: float) -> bool:
        return self.sending_since is not None and self._clock() - self.sending_since > seconds

    async def receive(self) -> Message:
        theirs, ours = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((theirs, ours), return_when=asyncio.FIRST_COMPLETED)
            return theirs.result() if theirs.done() else {"type": "http.disconnect"}
        finally:
            theirs.cancel()
            ours.cancel()

    async def send(self, message: Message) -> None:
        """Returns when the connection has room again: little is kept of what a client does not read."""
        self.sending_since = self._clock()
        await self._send(message)
        self.sending_since, self.unread = None, 0

    async def say_goodbye(self) -> None:
        """Ends the answer as HTTP wants it, unless the client does not read."""
        if not self._over.is_set() or self.is_stalled(0):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._send(_LAST)


class Streams:
    """All streams of the process, as middleware of FastMCP's SSE application."""

    def __init__(
        self,
        limits: StreamLimits,
        count: SessionCount,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._count = count
        self._clock = clock
        self._wall_clock = wall_clock
        self._open: set[Stream] = set()
        self._by_session: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._open)

    def around(self, app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif not scope["path"].endswith(SSE_PATH):
                await (self._message_refusal(scope) or app)(scope, receive, send)
            elif scope["method"] == "GET":
                await self._stream(app, scope, receive, send)
            else:
                await _ONLY_GET(scope, receive, send)

        return call

    def end_all(self) -> None:
        for stream in self._open:
            stream.end()

    def sweep(self) -> None:
        """Ends the streams that are idle, whose token has long expired, or that nobody reads."""
        for stream in self._open:
            if self._has_had_its_time(stream):
                stream.end()

    def _has_had_its_time(self, stream: Stream) -> bool:
        return (
            self._clock() - stream.used_at > self._limits.idle
            or self._wall_clock() - stream.expires > self._limits.expired
            or stream.is_stalled(self._limits.stalled)
        )

    async def _stream(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        owner = owner_of(scope)
        if refusal := self._count.refusal(owner):
            await refusal(scope, receive, send)
            return
        stream = Stream(owner, receive, send, self._clock)
        stream.expires = _expiry(scope)
        self._count.add(owner)
        self._open.add(stream)
        try:
            await app(scope, stream.receive, self._watching_for_session(stream))
            await stream.say_goodbye()
        finally:
            self._count.remove(owner)
            self._open.discard(stream)
            self._by_session.pop(stream.session_id or "", None)

    def _watching_for_session(self, stream: Stream) -> Send:
        """The stream's `send`, which learns the session's id from the endpoint event, the first one."""

        async def send(message: Message) -> None:
            if stream.session_id is None and (found := _SESSION_ID.search(message.get("body", b""))):
                stream.session_id = found[1].decode()
                self._by_session[stream.session_id] = stream
            await stream.send(message)

        return send

    def _message_refusal(self, scope: Scope) -> Response | None:
        """Notes that the session is in use; a stranger's message is left to the SDK, which refuses it."""
        stream = self._by_session.get(QueryParams(scope["query_string"]).get("session_id", ""))
        if stream is None or stream.owner != owner_of(scope):
            return None
        if stream.is_stalled(STALL_SECONDS):
            stream.unread += 1
            if stream.unread > MAX_UNREAD:
                return _too_slow()
        stream.used_at = self._clock()
        stream.expires = max(stream.expires, _expiry(scope))
        return None


def _expiry(scope: Scope) -> float:
    return float(access_of(scope).expires_at or 0)


def _too_slow() -> Response:
    says = "The session's stream is not being read; read the answers that are there first."
    return JSONResponse(
        {"error": "answers_unread", "error_description": says}, status_code=429, headers={"Retry-After": "1"}
    )
