"""The checks in their order, and what each one found."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from toolbridge_mcp.cli.doctor import api_checks, gateway_checks, key_checks, sign_in_checks
from toolbridge_mcp.cli.doctor.visit import Failed, NotChecked, Visit

__all__ = ["LOOKS", "Finding", "Visit", "examine"]


class Check(NamedTuple):
    name: str
    run: Callable[[Visit], Awaitable[str]]
    only_looks: bool = True
    """Whether it needs no token, and leaves nothing behind."""
    only_with_sign_in: bool = False
    """Whether it is about users who sign in at the gateway itself."""


CHECKS = (
    Check("age of keys", key_checks.ages),
    Check("API reachable", api_checks.reachable),
    Check("clocks of gateway and API", api_checks.clocks_agree),
    Check("token service", api_checks.token_service, only_looks=False),
    Check("token understood by the API", api_checks.token_understood, only_looks=False),
    Check("tenant signature accepted", api_checks.tenant_accepted, only_looks=False),
    Check("contract of gateway and API", api_checks.contract_agrees),
    Check("gateway reachable", gateway_checks.reachable),
    Check("gateway ready", gateway_checks.ready),
    Check("metadata for clients", gateway_checks.metadata),
    Check("refusal without a token", gateway_checks.challenge),
    Check("agents of AI services", gateway_checks.agents),
    Check("metadata of the sign-in", sign_in_checks.documents, only_with_sign_in=True),
    Check("keys of the sign-in", sign_in_checks.keys, only_with_sign_in=True),
    Check("sign-in page", sign_in_checks.page, only_with_sign_in=True),
    Check("tools over /sse", gateway_checks.tools_over_sse, only_looks=False),
    Check("tools over /mcp", gateway_checks.tools_over_mcp, only_looks=False),
)
LOOKS = tuple(check for check in CHECKS if check.only_looks)


class Finding(NamedTuple):
    """The result of one check. `says` is what to do if the check failed, otherwise a remark or nothing."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    says: str


async def examine(visit: Visit, checks: Sequence[Check] = CHECKS) -> AsyncIterator[Finding]:
    """Yields a finding for every check. After a failure the rest is not checked: it would only repeat it."""
    failed = False
    async with visit:
        yield Finding("settings", "ok", "")
        for name, check, _, only_with_sign_in in checks:
            if only_with_sign_in and visit.settings.login == "provider":
                continue
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
