"""Tokens that one of several secrets has signed."""

from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import Key, OctKey

from toolbridge_mcp.auth import SharedSecret, Source, UserTokenVerifier
from toolbridge_mcp.keyring import Keyring

pytestmark = pytest.mark.anyio
LATER = 4_000_000_000
SECRETS = {name: f"{name}-of-the-tests-0123456789abcdefghij" for name in ("k1", "k2", "k3")}


def listed(*ids: str) -> str:
    return "\n".join(f"{key_id}:2026-01-31:{SECRETS[key_id]}" for key_id in ids)


def token(key_id: str, **header: str) -> str:
    key = OctKey.import_key(SECRETS[key_id])
    return jwt.encode({"alg": "HS256", **header}, {"sub": "ann", "exp": LATER}, key)


class World:
    """A verifier whose keys are in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.write("k1")
        self.ring = Keyring.of_file(str(file))
        self.keys = SharedSecret(self.ring)
        self.verifier = UserTokenVerifier(Source(self.keys))

    def write(self, *ids: str) -> None:
        self.file.write_text(listed(*ids))

    def change(self, *ids: str) -> None:
        self.write(*ids)
        self.ring.look("token", at_once=True)

    async def accepts(self, *tokens: str) -> list[bool]:
        return [await self.verifier.verify_token(one) is not None for one in tokens]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "keys")


async def test_every_live_key_verifies_and_no_other_does(world: World) -> None:
    tokens = [token(key_id) for key_id in SECRETS]
    assert await world.accepts(*tokens) == [True, False, False]
    world.change("k1", "k2")
    assert await world.accepts(*tokens) == [True, True, False]
    world.change("k2", "k1")
    assert await world.accepts(*tokens) == [True, True, False]
    world.change("k2")
    assert await world.accepts(*tokens) == [False, True, False]
    assert world.keys.number == 1


@pytest.mark.parametrize("named", ["k1", "k2", "k3", "default", "", "never heard of"])
async def test_the_name_of_a_key_in_a_token_is_a_hint_only(world: World, named: str) -> None:
    """Other issuers with the same secrets may name them otherwise."""
    world.change("k1", "k2")
    assert await world.accepts(*[token(key_id, kid=named) for key_id in SECRETS]) == [True, True, False]


@pytest.mark.parametrize(
    ("named", "tried"), [("k2", ["k2", "k1", "k3"]), ("k1", ["k1", "k2", "k3"]), (None, ["k1", "k2", "k3"])]
)
async def test_the_key_that_a_token_names_is_tried_first_and_each_once(
    world: World, named: str | None, tried: list[str]
) -> None:
    world.change("k1", "k2", "k3")
    seen: list[object] = []

    def signed(key: Key) -> bool:
        seen.append(key.raw_value)
        return False

    assert not await world.keys.verify("HS256", named, signed)
    assert seen == [SECRETS[key_id].encode() for key_id in tried]


async def test_a_remembered_token_goes_with_its_key(world: World) -> None:
    world.change("k1", "k2")
    old, new = token("k1"), token("k2")
    before = await world.verifier.verify_token(new)
    assert before
    assert await world.accepts(old)
    assert await world.verifier.verify_token(new) is before, "it was remembered"
    world.change("k2")
    assert await world.accepts(old, new) == [False, True]
    world.change("k2", "k1")
    assert await world.accepts(old, new) == [True, True]


async def test_a_key_whose_secret_is_another_one_refuses_what_the_earlier_one_signed(world: World) -> None:
    old = token("k1")
    assert await world.accepts(old) == [True]
    world.file.write_text(f"k1:2026-01-31:{SECRETS['k2']}")
    world.ring.look("token", at_once=True)
    assert await world.accepts(old, token("k2", kid="k1")) == [False, True]
