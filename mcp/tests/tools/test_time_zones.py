"""Words for days need the user's time zone: that of the token, else that of the deployment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastmcp import Client
from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

from tests.harness.clients import Tools, over_http, settings_for, token
from tests.harness.processes import Process
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio
KIRITIMATI = "Pacific/Kiritimati"
"""14 hours ahead of UTC: there, it is another day for most of the day."""


@asynccontextmanager
async def tools_in(api: Process, bearer: str, setting: str | None, claim: object) -> AsyncIterator[Tools]:
    """The tools of a deployment with this setting, for a user whose token has this claim."""
    server = create_server(settings_for(api.url, **({"timezone": setting} if setting else {})))
    claims = {} if claim is None else {"zoneinfo": claim}
    access = AccessToken(
        token=bearer, client_id="tests", subject=bearer, scopes=["read", "write"], claims=claims
    )
    reset = auth_context_var.set(AuthenticatedUser(access))
    try:
        async with Client(server) as client:
            yield Tools(client)
    finally:
        auth_context_var.reset(reset)


def days_in(zone: str, after: int) -> set[str]:
    """The day so many days after today, also if midnight passes while the test runs."""
    today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
    return {str(today + timedelta(days=days)) for days in (after, after + 1)}


@pytest.mark.parametrize(
    ("setting", "claim", "zone"),
    [
        (None, KIRITIMATI, KIRITIMATI),
        ("Europe/Berlin", KIRITIMATI, KIRITIMATI),
        (KIRITIMATI, None, KIRITIMATI),
        *(
            (KIRITIMATI, claim, KIRITIMATI)
            for claim in ("Nowhere/City", "../../etc/passwd", 5, "x" * 9999, "")
        ),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_day_is_that_of_the_user(
    setting: str | None, claim: object, zone: str, api: Process, bearer: str
) -> None:
    async with tools_in(api, bearer, setting, claim) as tools:
        created = await tools.call("create_task", title="t", due_date="tomorrow")
        assert created["payload"]["dueDate"] in days_in(zone, 1)
        patched = await tools.call("patch_task", uid=created["uid"], updates={"dueDate": "in 3 days"})
        assert patched["payload"]["dueDate"] in days_in(zone, 3)
        for since in ("today", "yesterday", "24 hours", "1 hour ago"):
            assert len((await tools.call("list_tasks", updated_since=since))["items"]) == 1
        weekday = await tools.call("create_task", title="t", due_date="friday")
        assert date.fromisoformat(weekday["payload"]["dueDate"]).weekday() == 4
        refusal = await tools.refusal("create_task", title="t", due_date="next friday")
        assert "due_date may be 20" in refusal
        assert 'You sent "next friday".' in refusal


@pytest.mark.parametrize("claim", [None, "Nowhere/City", ["Europe/Berlin"]], ids=str)
async def test_without_a_zone_a_day_is_refused_with_the_reason(
    claim: object, api: Process, bearer: str
) -> None:
    async with tools_in(api, bearer, None, claim) as tools:
        for tool, arguments in (
            ("create_task", {"title": "t", "due_date": "tomorrow"}),
            ("patch_task", {"uid": "3f9a01bc", "updates": {"due_date": "tomorrow"}}),
            ("list_notes", {"updated_since": "yesterday"}),
        ):
            refusal = await tools.refusal(tool, **arguments)
            assert "no time zone is known" in refusal
            assert f"In UTC today is {datetime.now(UTC).date()}" in refusal
            assert "such as 2026-01-31 or 2026-01-31T09:30Z, or leave it out." in refusal
        await tools.call("list_notes", updated_since="24 hours ago")


async def test_the_claim_of_a_real_token_counts(gateway: Process, user: str) -> None:
    async with over_http(gateway.url, token(user, zoneinfo=KIRITIMATI)) as tools:
        created = await tools.call("create_task", title="t", due_date="today")
        assert created["payload"]["dueDate"] in days_in(KIRITIMATI, 0)
