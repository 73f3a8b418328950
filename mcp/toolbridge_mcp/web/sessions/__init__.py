"""Sessions of SSE and Streamable HTTP: how many there may be, whose they are, and how they end."""

from toolbridge_mcp.web.sessions.exchanges import UnreadAnswers, message_failed, meta_of_result
from toolbridge_mcp.web.sessions.replay import Machine
from toolbridge_mcp.web.sessions.session import SessionLimits
from toolbridge_mcp.web.sessions.sse import (
    SseSession,
    SseSessionMiddleware,
    WatchedMessages,
    begin_message,
    session_and_machine,
)
from toolbridge_mcp.web.sessions.streamable_http import HttpSessionMiddleware, HttpSessions
from toolbridge_mcp.web.sessions.streams import OpenStreams, Stream, StreamLimits

__all__ = [
    "HttpSessionMiddleware",
    "HttpSessions",
    "Machine",
    "OpenStreams",
    "SessionLimits",
    "SseSession",
    "SseSessionMiddleware",
    "Stream",
    "StreamLimits",
    "UnreadAnswers",
    "WatchedMessages",
    "begin_message",
    "message_failed",
    "meta_of_result",
    "session_and_machine",
]
