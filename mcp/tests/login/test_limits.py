"""How much people and programs without an account may ask for."""

import pytest

from toolbridge_mcp.login.limits import AttemptLimit, PublicLimit, TooMany


def generous() -> PublicLimit:
    return PublicLimit((6, 100), (6, 1_000))


def test_each_address_and_all_together_have_a_limit() -> None:
    limit = PublicLimit((6, 2), (6, 3))
    limit.take("a")
    limit.take("a")
    with pytest.raises(TooMany) as caught:
        limit.take("a")
    assert 1 <= caught.value.wait_seconds <= 10
    limit.take("b")
    with pytest.raises(TooMany):
        limit.take("c")


def test_an_address_whose_attempts_fail_waits_and_others_do_not() -> None:
    limit = AttemptLimit(generous(), (6, 3))
    for _ in range(3):
        limit.take("guesses")
        limit.failed("guesses")
        limit.take("works")
    with pytest.raises(TooMany):
        limit.take("guesses")
    limit.take("works")


def test_attempts_that_succeed_are_many() -> None:
    limit = AttemptLimit(generous(), (6, 3))
    for _ in range(100):
        limit.take("a company")
    with pytest.raises(TooMany):
        limit.take("a company")
