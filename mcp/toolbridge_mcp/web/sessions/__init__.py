"""Sessions of SSE and Streamable HTTP: how many there may be, whose they are, and how they end."""

from toolbridge_mcp.web.sessions.limits import SessionLimits
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.sse import SseSessionMiddleware
from toolbridge_mcp.web.sessions.streamable_http import HttpSessionMiddleware, HttpSessions
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream, StreamLimits, session_owner

__all__ = [
    "HttpSessionMiddleware",
    "HttpSessions",
    "Machine",
    "OpenStreams",
    "SessionLimits",
    "SseSessionMiddleware",
    "Stream",
    "StreamLimits",
    "session_owner",
]
