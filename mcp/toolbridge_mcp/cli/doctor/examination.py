"""The checks in their order, and what each one found."""

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from toolbridge_mcp.cli.doctor import api_checks, gateway_checks
from toolbridge_mcp.cli.doctor.visit import Failed, NotChecked, Visit

__all__ = ["Finding", "Visit", "examine"]

CHECKS = (
    ("API reachable", api_checks.reachable),
    ("clocks of gateway and API", api_checks.clocks_agree),
    ("token service", api_checks.token_service),
    ("token understood by the API", api_checks.token_understood),
    ("tenant signature accepted", api_checks.tenant_accepted),
    ("contract of gateway and API", api_checks.contract_agrees),
    ("gateway reachable", gateway_checks.reachable),
    ("gateway ready", gateway_checks.ready),
    ("metadata for clients", gateway_checks.metadata),
    ("refusal without a token", gateway_checks.challenge),
    ("tools over /sse", gateway_checks.tools_over_sse),
    ("tools over /mcp", gateway_checks.tools_over_mcp),
)


class Finding(NamedTuple):
    """The result of one check. `says` is what to do if the check failed, otherwise a remark or nothing."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    says: str


async def examine(visit: Visit) -> AsyncIterator[Finding]:
    """Yields a finding for every check. After a failure the rest is not checked: it would only repeat it."""
    failed = False
    async with visit:
        yield Finding("settings", "ok", "")
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
