"""The checks, one after another, up to the first that fails."""

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from toolbridge_mcp.doctor import at_api, at_gateway
from toolbridge_mcp.doctor.visit import Failed, NotChecked, Visit

__all__ = ["Finding", "Visit", "examine"]

CHECKS = (
    ("API reachable", at_api.reachable),
    ("clocks of gateway and API", at_api.clocks_agree),
    ("token service", at_api.token_service),
    ("token understood by the API", at_api.token_understood),
    ("tenant signature accepted", at_api.tenant_accepted),
    ("contract of gateway and API", at_api.contract_agrees),
    ("gateway reachable", at_gateway.reachable),
    ("gateway ready", at_gateway.ready),
    ("metadata for clients", at_gateway.metadata),
    ("refusal without a token", at_gateway.challenge),
    ("tools over /sse", at_gateway.tools_over_sse),
    ("tools over /mcp", at_gateway.tools_over_mcp),
)


class Finding(NamedTuple):
    """What became of a check: `says` is a sentence with what to do if it failed, else a remark."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    says: str


async def examine(visit: Visit) -> AsyncIterator[Finding]:
    """A finding for every check. After a failure the others are not made: they would only repeat it."""
    failed = False
    async with visit:
        for name, check in CHECKS:
            if failed:
                yield Finding(name, "not checked", "")
                continue
            try:
                yield Finding(name, "ok", await check(visit))
            except NotChecked as reason:
                yield Finding(name, "not checked", str(reason))
            except Failed as reason:
                failed = True
                yield Finding(name, "failed", str(reason))
