"""What the API tells the operator: whether it is ready, its metrics, and the newest lines of its journal.

It is asked in the thread of the page, over connections of its own: a page takes nothing from calls.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import httpx

from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import AnswerLost, Signer, TenantTransport

METRICS_SECONDS = 5.0
PAGE_SECONDS = 0.3
"""A page is late rather than complete only for so long."""

JOURNAL_LINES = 20

READY, METRICS, JOURNAL = "/readyz", "/metrics", f"/v1/operator/journal?limit={JOURNAL_LINES}"


class Said(NamedTuple):
    """An answer; a status of 0 if there was none."""

    status: int
    content: bytes = b""
    content_type: str = ""

    @property
    def is_ok(self) -> bool:
        return self.status == httpx.codes.OK


def ask(settings: Settings, signer: Signer, *targets: str, seconds: float) -> Mapping[str, Said]:
    """What the API says at each of these targets, asked at once, within so many seconds."""
    return asyncio.run(_asked(settings, signer, targets, seconds))


async def _asked(
    settings: Settings, signer: Signer, targets: tuple[str, ...], seconds: float
) -> Mapping[str, Said]:
    async with httpx.AsyncClient(
        transport=TenantTransport.of(settings, signer),
        base_url=settings.go_api_base_url,
        headers={"Accept-Encoding": "identity"},  # the transport takes no other
        timeout=seconds,
        trust_env=False,
    ) as api:
        said = await asyncio.gather(*(_said(api, target, seconds) for target in targets))
    return dict(zip(targets, said, strict=True))


async def _said(api: httpx.AsyncClient, target: str, seconds: float) -> Said:
    try:
        answer = await asyncio.wait_for(api.get(target), seconds)
    except (ToolBridgeError, AnswerLost, TimeoutError):
        return Said(0)
    return Said(answer.status_code, answer.content, answer.headers.get("Content-Type", ""))
