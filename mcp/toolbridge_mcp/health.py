"""`/healthz` and `/readyz`: open to everyone. They name no user, no address and no secret."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from toolbridge_mcp.auth import Keys
from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.contract import mismatches
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.login.keys import NO_LOGIN
from toolbridge_mcp.single_flight import SingleFlight

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
KEEP_SECONDS = 1
"""How long the answer of `/readyz` is kept."""


async def problems(client: ApiClient, keys: Keys, *, embedded: bool = False) -> list[str]:
    """Why the gateway cannot serve now. Empty if tokens can be checked, the API answers, accepts the gateway
    as far as is known, both halves declare the same entities, and the API has the sign-in if it is
    `embedded`.

    An answer also closes the circuit breaker, so calls go on.
    """
    if not await keys.are_known():
        return [keys.lack]
    try:
        await client.check_ready()
        info = await client.read_info()
        without = [NO_LOGIN] if embedded and not info.login else []
        return [*without, *mismatches(ENTITIES, info), *client.disagreements()]
    except ToolBridgeError:
        cut_off = ["Calls are refused until it answers."] if client.is_cut_off else []
        return ["The API does not answer or is not ready.", *cut_off]


async def wait_until_ready(client: ApiClient, keys: Keys, seconds: float, *, embedded: bool = False) -> None:
    """Returns as soon as the gateway can serve, at the latest after `seconds`."""
    end = time.monotonic() + seconds
    while reasons := await problems(client, keys, embedded=embedded):
        if time.monotonic() >= end:
            logger.warning("serving although not ready", extra={"problems": reasons})
            return
        await asyncio.sleep(POLL_SECONDS)


class Readiness:
    """The present problems, looked for once in `KEEP_SECONDS`: everyone may ask, and each look is two
    requests to the API."""

    def __init__(self, look: Callable[[], Coroutine[Any, Any, list[str]]]) -> None:
        self._look = look
        self._looks: SingleFlight[None] = SingleFlight()
        self._found: list[str] = []
        self._due_at = -math.inf

    async def problems(self) -> list[str]:
        if time.monotonic() >= self._due_at:
            await self._looks.run(self._renew)
        return self._found

    async def _renew(self) -> None:
        self._found = await self._look()
        self._due_at = time.monotonic() + KEEP_SECONDS


def health_routes(
    client: ApiClient,
    keys: Keys,
    is_stopping: Callable[[], bool],
    cautions: Callable[[], list[str]],
    *,
    embedded: bool = False,
) -> list[Route]:
    """`/healthz`: 200 while the process runs. `/readyz`: 503 with reasons, or 200, perhaps with warnings:
    what the API says of itself, and the `cautions`."""
    readiness = Readiness(lambda: problems(client, keys, embedded=embedded))

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        reasons = ["The gateway is stopping."] if is_stopping() else await readiness.problems()
        if reasons:
            return JSONResponse({"ready": False, "problems": reasons}, status_code=503)
        warnings = [*([client.warning] if client.warning else []), *cautions()]
        return JSONResponse({"ready": True} | ({"warnings": warnings} if warnings else {}))

    return [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
