"""How often one user may call."""

from pathlib import Path

import pytest

from tests.harness.clients import over_sse, token
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.errors import RateLimited
from toolbridge_mcp.resilience import RateLimit
from toolbridge_mcp.resilience.rate_limit import MAX_USERS


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(limit: RateLimit, user: str, times: int) -> int:
    """How many of `times` calls at one moment are allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limit.take(user)
        except RateLimited:
            continue
        allowed += 1
    return allowed


def test_a_burst_then_the_rate(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=10, now=clock)
    assert taken(limit, "ann", 20) == 10
    clock.now += 3
    assert taken(limit, "ann", 20) == 3
    clock.now += 3600
    assert taken(limit, "ann", 20) == 10


def test_each_user_has_an_own_bucket(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=1, now=clock)
    assert taken(limit, "ann", 5) == 1
    assert taken(limit, "bob", 5) == 1


def test_the_seconds_to_wait_are_enough_and_no_more(clock: Clock) -> None:
    limit = RateLimit(per_minute=10, burst=1, now=clock)
    limit.take("ann")
    clock.now += 0.5
    with pytest.raises(RateLimited, match="Wait 6 seconds"):
        limit.take("ann")
    clock.now += 4.5
    with pytest.raises(RateLimited, match="Wait 1 seconds"):
        limit.take("ann")
    clock.now += 1
    limit.take("ann")


def test_idle_users_are_forgotten_and_the_others_are_bounded(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=2, now=clock)
    for number in range(1_000):
        limit.take(f"user-{number}")
    assert limit.users == 1_000
    clock.now += 1
    limit.take("ann")
    assert limit.users == 1
    for number in range(MAX_USERS + 100):
        limit.take(f"user-{number}")
    assert limit.users == MAX_USERS


def test_amounts_are_taken_as_a_whole_or_not_at_all(clock: Clock) -> None:
    limit = RateLimit(per_minute=60, burst=10, now=clock)
    assert limit.missing("ann", 0) == 0
    assert limit.users == 0
    assert limit.missing("ann", 7) == 0
    assert limit.missing("ann", 5) == 2
    assert limit.missing("ann", 3) == 0
    clock.now += 10
    assert limit.missing("ann", 10) == 0


@pytest.mark.anyio
async def test_a_caller_is_told_the_seconds_and_another_is_not_held_up(
    api: Process, user: str, tmp_path: Path
) -> None:
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_RATE_LIMIT="6:3")) as gateway:
        async with over_sse(gateway.url, token(user)) as tools:
            for _ in range(3):
                await tools.call("list_notes")
            assert "too many calls. Wait 10 seconds" in await tools.refusal("list_notes")
        async with over_sse(gateway.url, token(user, iss="elsewhere")) as tools:
            await tools.call("list_notes")
