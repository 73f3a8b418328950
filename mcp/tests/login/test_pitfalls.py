"""What others met: plain FastMCP as it is today, and ToolBridge with its own sign-in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.processes import Process, running
from tests.login.pitfalls.checks import PITFALLS
from tests.login.pitfalls.own import Own, own
from tests.login.pitfalls.subject import Pitfall, outcome
from tests.login.plain import plain_process, plain_subject

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
each_pitfall = pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda one: one.check.__name__)

STOOD = {"every_refusal_says_where_to_sign_in"}
"""What plain FastMCP does right."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(plain_process(Path(tmp_path_factory.mktemp("plain")))) as process:
        yield process


@pytest.fixture(scope="module")
def ours(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    with own(api_binary, Path(tmp_path_factory.mktemp("ours"))) as deployed:
        yield deployed


@each_pitfall
async def test_plain_fastmcp_before(plain: Process, pitfall: Pitfall) -> None:
    stands, said = await outcome(pitfall, plain_subject(plain))
    assert stands == (pitfall.check.__name__ in STOOD), said


@each_pitfall
async def test_toolbridge_after(ours: Own, pitfall: Pitfall) -> None:
    stands, said = await outcome(pitfall, ours.subject())
    assert stands, said
