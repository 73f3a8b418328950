"""Requests that wait for an API that is away."""

import asyncio

import pytest

from toolbridge_mcp.errors import NotReached, TimedOut
from toolbridge_mcp.login import patience
from toolbridge_mcp.login.failures import LoginUnavailable, Unknown
from toolbridge_mcp.login.patience import Patience

pytestmark = pytest.mark.anyio


class Asked:
    """A request that fails so often, because of `cause`."""

    def __init__(self, failures: int, cause: Exception) -> None:
        self.times = 0
        self._failures = failures
        self._cause = cause

    async def __call__(self) -> str:
        self.times += 1
        if self.times <= self._failures:
            raise LoginUnavailable from self._cause
        return "answer"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize("cause", [NotReached(), TimedOut()])
async def test_a_request_is_sent_again_until_there_is_an_answer(cause: Exception) -> None:
    asked = Asked(3, cause)
    assert await Patience().ask(asked) == "answer"
    assert asked.times == 4


async def test_after_a_while_the_client_is_told() -> None:
    asked = Asked(10**6, NotReached())
    with pytest.raises(LoginUnavailable):
        await Patience(0.1).ask(asked)
    assert asked.times > 1


async def test_a_code_is_not_sent_again_that_may_have_been_used() -> None:
    asked = Asked(1, TimedOut())
    with pytest.raises(LoginUnavailable):
        await Patience().ask(asked, is_repeatable=False)
    assert asked.times == 1
    assert await Patience().ask(Asked(1, NotReached()), is_repeatable=False) == "answer"


async def test_a_refusal_is_an_answer() -> None:
    async def refused() -> str:
        raise Unknown

    with pytest.raises(Unknown):
        await Patience().ask(refused)


async def test_so_many_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST", 2)
    one, asked = Patience(), [Asked(20, NotReached()) for _ in range(3)]
    answers = await asyncio.gather(*map(one.ask, asked), return_exceptions=True)
    assert [isinstance(answer, LoginUnavailable) for answer in answers] == [False, False, True]
