"""Sessions of SSE: each is a stream, and the messages that are posted for it."""

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from toolbridge_mcp.identity import AccessToken, token_of, user_of
from toolbridge_mcp.library_seams import initialized_notification, session_id_in_endpoint_event
from toolbridge_mcp.web.entry.address import MESSAGES_PATH, SSE_PATH, route_path
from toolbridge_mcp.web.refusals import refusal
from toolbridge_mcp.web.sessions.limits import SessionLimits
from toolbridge_mcp.web.sessions.oversized import PostedMessage
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream, session_owner

STALL_SECONDS = 0.25
MAX_UNREAD = 32
"""Messages that a session may still send while its client has read nothing for `STALL_SECONDS`."""

_NO_SESSION = refusal(404, "session_not_found", "There is no such session; connect again.")
_UNREAD = refusal(
    429,
    "answers_unread",
    "The session's stream is not being read; read the answers that are there first.",
    retry_after=1,
)
_ONLY_GET = Response("Method Not Allowed", status_code=405, headers={"Allow": "GET"})


class SseSessionMiddleware:
    """Middleware of FastMCP's SSE application: limits sessions, and lets only their owners use them.

    `sessions` holds the streams of the process by session id.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: dict[str, Stream],
        streams: OpenStreams,
        limits: SessionLimits,
        machine: Machine,
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._streams = streams
        self._limits = limits
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif route_path(scope) != SSE_PATH:
            await self._message(scope, receive, send)
        elif scope["method"] == "GET":
            await self._open(scope, receive, send)
        else:
            await _ONLY_GET(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = token_of(scope)
        user = user_of(token)
        if refused := self._limits.refusal(user):
            await refused(scope, receive, send)
            return
        stream = self._streams.new(token, receive, send)
        opening = _Opening(self._app, scope, stream, self._sessions, self._machine)
        with self._limits.one_more(user):
            try:
                await self._streams.run(self._app, scope, stream, opening.send)
            finally:
                opening.close()

    async def _message(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The SDK accepts other spellings of a session id too; only messages for a session known here reach
        it."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        query = QueryParams(scope["query_string"])
        stream = self._sessions.get(query.get("session_id", ""))
        if stream is None:
            refused: Response | None = self._machine.replay(scope, query.get("machine")) or _NO_SESSION
        else:
            refused = _refusal(stream, token_of(scope))
        if refused:
            await refused(scope, receive, send)
        elif stream:
            await PostedMessage(stream, receive, send).pass_to(self._app, scope)


def _refusal(stream: Stream, token: AccessToken) -> Response | None:
    """Why the holder of `token` may not send a message now. None records a use of the session."""
    if stream.owner != session_owner(token):
        return _NO_SESSION
    if stream.is_stalled(STALL_SECONDS):
        stream.unread += 1
        if stream.unread > MAX_UNREAD:
            return _UNREAD
    stream.use(token)
    return None


class _Opening:
    """The answer to one GET. Its first event names the session, which is known from then on."""

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        stream: Stream,
        sessions: dict[str, Stream],
        machine: Machine,
    ) -> None:
        self._app = app
        self._scope = scope
        self._stream = stream
        self._sessions = sessions
        self._machine = machine
        self._session_id: bytes | None = None

    async def send(self, message: Message) -> None:
        if self._session_id is None:
            message = await self._registered(message)
        await self._stream.send(message)

    def close(self) -> None:
        if self._session_id is not None:
            del self._sessions[self._session_id.decode()]

    async def _registered(self, message: Message) -> Message:
        """`message`; if it names the session, with the machine's name, and the session ready for calls."""
        self._session_id = session_id_in_endpoint_event(message)
        if self._session_id is None:
            return message
        self._sessions[self._session_id.decode()] = self._stream
        await self._declare_initialized(self._session_id)
        return self._with_machine(message, self._session_id)

    def _with_machine(self, message: Message, session_id: bytes) -> Message:
        if self._machine.name is None:
            return message
        named = session_id + f"&machine={self._machine.name}".encode()
        return {**message, "body": message["body"].replace(session_id, named)}

    async def _declare_initialized(self, session_id: bytes) -> None:
        """Makes a new session ready for calls before its client knows of it.

        The TypeScript SDK reconnects a stream that was cut, for instance by a restart of the gateway, and
        does not initialize the new session: every later call would fail. A client that does initialize it
        gets the usual answer.
        """
        path = self._scope.get("root_path", "") + MESSAGES_PATH
        await self._app(*initialized_notification(self._scope, path, session_id))
