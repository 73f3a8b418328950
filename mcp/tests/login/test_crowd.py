"""Many people who sign in at once."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from tests.harness.log_search import Kind, confide
from tests.login.embedded import embedded
from toolbridge_mcp.login.failures import LoginError

pytestmark = pytest.mark.anyio
CROWD = 48
NAMES = 6
"""A name may be tried ten times at once."""


async def test_a_crowd_at_the_sign_in_holds_up_nobody_who_is_signed_in(
    api_binary: Path, tmp_path: Path
) -> None:
    with embedded(api_binary, tmp_path) as deployed:
        async with deployed.people() as people:
            ann = await people.signed_in()
            names = [(await people.signed_in()).account.name for _ in range(NAMES)]
            left = asyncio.Semaphore(0)

            async def comes(place: int) -> None:
                try:
                    await people.api.begin_session(
                        names[place % NAMES],
                        password=confide(Kind.SECRET, f"{uuid4()} of the crowd"),
                        address=f"198.51.100.{place}",
                    )
                finally:
                    left.release()

            crowd = [asyncio.create_task(comes(place)) for place in range(CROWD)]
            await left.acquire()
            await people.api.read_session(ann.session)
            waiting = sum(not one.done() for one in crowd)
            came = await asyncio.gather(*crowd, return_exceptions=True)
    assert waiting > CROWD * 3 // 4
    assert all(isinstance(one, LoginError) for one in came)
