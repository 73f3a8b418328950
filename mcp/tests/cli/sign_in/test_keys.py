"""`toolbridge sign-in rotate-key`: another key signs, and the older ones go now or later."""

import pytest

from tests.cli.sign_in.operator import Operator

pytestmark = pytest.mark.anyio


async def published(operator: Operator) -> set[str]:
    async with operator.api() as api:
        return {key["kid"] for key in (await api.state()).keys}


async def test_a_new_key_is_published_beside_the_older_ones_and_they_can_be_withdrawn(
    operator: Operator,
) -> None:
    before = await published(operator)
    said = operator("sign-in", "rotate-key")
    assert "Nobody is signed out" in said.stderr
    both = await published(operator)
    assert before < both
    assert {line.split()[0] for line in said.stdout.splitlines()[1:]} == both
    said = operator("sign-in", "rotate-key", "--withdraw")
    assert "Nobody has to sign in again" in said.stderr
    after = await published(operator)
    assert len(after) == 1
    assert after.isdisjoint(both)
