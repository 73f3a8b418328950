"""The page as people see it, in each state of a deployment: in a real browser, with the rules of axe-core."""

import sys
import time
from pathlib import Path

import anyio
import pytest

from tests.operator.browser import look
from tests.operator.raw import PrivatePort
from tests.operator.scenes import SCENES, frozen

pytestmark = pytest.mark.anyio

SECONDS = 0.5
SERIOUS = {"serious", "critical"}
LINKS = ("The last hour", "Now", "Errors", "Tools", "Callers", "Clients", "Slowest calls", "Refusals")
here = [name for name in SCENES if name != "nearly-full" or sys.platform == "linux"]


def fastest(port: PrivatePort) -> float:
    """How long the page takes, of a few. Other programs may take the processor in between."""
    times = []
    for _ in range(7):
        began_at = time.monotonic()
        assert port.get().status == 200
        times.append(time.monotonic() - began_at)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("name", here)
async def test_the_page_says_the_state_and_comes_at_once(name: str, api_binary: Path, tmp_path: Path) -> None:
    scene, state, beginning = SCENES[name]
    async with scene(api_binary, tmp_path) as port:
        facts = port.get("/?json").json()
        assert (facts["state"]["is"], facts["state"]["says"][: len(beginning)]) == (state, beginning)
        assert await anyio.to_thread.run_sync(fastest, port) < SECONDS


@pytest.mark.slow
async def test_an_api_that_answers_nobody_does_not_hold_the_page(api_binary: Path, tmp_path: Path) -> None:
    async with frozen(api_binary, tmp_path) as port:
        assert fastest(port) < SECONDS
        assert "the API does not answer" in port.get("/?json").json()["state"]["says"]


TRIES = 4
"""On a busy machine the API may not answer a page within 0.3 s, and the page says so."""


@pytest.mark.clients
@pytest.mark.parametrize("name", here)
async def test_people_can_read_it(name: str, api_binary: Path, tmp_path: Path) -> None:
    scene, _, beginning = SCENES[name]
    async with scene(api_binary, tmp_path) as port:
        for _ in range(TRIES):
            seen = await anyio.to_thread.run_sync(look, port.url)
            if all(beginning in facts["title"] for facts in seen.values()):
                break
    assert set(seen) == {"light", "dark", "phone", "phone-dark", "enlarged"}
    for view, facts in seen.items():
        assert facts["status"] == 200
        assert beginning in facts["title"]
        assert facts["passed"] > 20, "axe-core looked at nothing"
        assert [one for one in facts["violations"] if one["impact"] in SERIOUS] == [], view
        assert facts["overflow"] <= 0, f"{view}: the page is wider than the window"
        assert {request for request in facts["requests"] if not request.startswith("data:")} == {port.url}
        assert facts["complaints"] == [], view
        focus = facts["focus"]
        assert focus[0]["words"] == "To the figures"
        assert tuple(one["words"] for one in focus[1 : len(LINKS) + 1]) == LINKS
        assert all(one["isMarked"] and one["words"] for one in focus)
        assert focus[-1]["words"] == "load this page every 10 s"
    assert seen["light"]["colours"] != seen["dark"]["colours"]
