"""A fresh sync session for each request, in one hop where the API offers it, else in two."""

from collections.abc import Awaitable, Callable, Mapping

import httpx
from pydantic import ValidationError

from toolbridge_mcp.client.models import ServerInfo, SessionDocument
from toolbridge_mcp.errors import BadAnswer

Open = Callable[[], Awaitable[httpx.Response]]
"""Asks the API for a session and returns its answer, or raises the error that its status means."""


async def session_headers(info: ServerInfo, open_session: Open) -> Mapping[str, str]:
    """The headers that put one request into a session of its own.

    In-band, the request itself opens the session. Otherwise one is opened first, with the same caller's
    token, and never used again.
    """
    if info.sessions.in_band:
        return {"X-Sync-Session": info.sessions.in_band}
    answer = await open_session()
    try:
        session = SessionDocument.model_validate_json(answer.content)
    except ValidationError as error:
        raise BadAnswer from error
    return {"X-Sync-Session": session.id, "X-Sync-Epoch": str(session.epoch)}
