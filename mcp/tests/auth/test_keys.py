"""Tokens of an identity provider: which keys verify them, and what happens while the provider is down."""

import json
import time
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from pytest_httpx import HTTPXMock

from toolbridge_mcp.auth import KeySet, KeysUnavailable, Source, UserTokenVerifier
from toolbridge_mcp.auth.keys import MAX_BYTES, MIN_INTERVAL_SECONDS, REFRESH_SECONDS
from toolbridge_mcp.auth.verifier import MAX_REMEMBERED_BYTES

pytestmark = pytest.mark.anyio
URL = "https://id.example/keys"
ISSUER = "https://id.example"
AUDIENCE = "https://tenant.example/sse"

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
NEXT = ECKey.generate_key("P-256", {"kid": "next"})
with warnings.catch_warnings(action="ignore"):
    WEAK = RSAKey.generate_key(1024, {"kid": "weak"})
OTHER_CURVE = ECKey.generate_key("P-384", {"kid": "curve"})


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def published(*keys: Key, **more: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), **more} for key in keys]}


def signed(key: Key, algorithm: str, *, kid: str | None = "same", **changes: Any) -> str:
    header = {"alg": algorithm, "kid": key.kid if kid == "same" else kid}
    claims = {"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, **changes}
    present = [
        {name: value for name, value in part.items() if value is not None} for part in (header, claims)
    ]
    with warnings.catch_warnings(action="ignore"):
        return jwt.encode(present[0], present[1], key, algorithms=[algorithm])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(clock: Clock) -> AsyncIterator[KeySet]:
    async with httpx.AsyncClient() as http:
        found = KeySet(URL, http, clock)
        yield found
        await found.aclose()


@pytest.fixture
def verify(keys: KeySet) -> Callable[[str], Any]:
    source = Source(keys, issuer=ISSUER, audience=["https://tenant.example/mcp", AUDIENCE])
    return UserTokenVerifier(source).verify_token


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
@pytest.mark.parametrize("kid", ["same", None])
async def test_each_algorithm_is_verified_with_its_key(
    kid: str | None, key: Key, algorithm: str, verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(RSA, EC, ED))
    access = await verify(signed(key, algorithm, kid=kid))
    assert access.subject == "ann"


REFUSED = {
    "another issuer": signed(EC, "ES256", iss="https://evil.example"),
    "no issuer": signed(EC, "ES256", iss=None),
    "another audience": signed(EC, "ES256", aud="https://evil.example"),
    "no audience": signed(EC, "ES256", aud=None),
    "an audience in an object": signed(EC, "ES256", aud={AUDIENCE: True}),
    "expired": signed(EC, "ES256", exp=int(time.time()) - 1),
    "an unknown key": signed(NEXT, "ES256"),
    "a key under the id of another": signed(NEXT, "ES256", kid="ec"),
    "a weak key": signed(WEAK, "RS256"),
    "another curve": signed(OTHER_CURVE, "ES384"),
    "another hash": signed(RSA, "RS512"),
    "another padding": signed(RSA, "PS256"),
    "a shared secret": signed(OctKey.import_key({"kty": "oct", "k": "A" * 64}), "HS256", kid="ec"),
    "too long": signed(EC, "ES256", note="x" * 20_000),
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED)
async def test_other_tokens_are_refused(
    token: str, verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        url=URL, json=published(RSA, EC, ED, WEAK, OTHER_CURVE), is_optional=True, is_reusable=True
    )
    assert await verify(token) is None


async def test_an_audience_may_be_one_of_several(verify: Callable[[str], Any], httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    assert await verify(signed(EC, "ES256", aud=["x", AUDIENCE]))
    assert await verify(signed(EC, "ES256", aud="https://tenant.example/mcp"))


@pytest.mark.parametrize("marks", [{"use": "enc"}, {"alg": "ES512"}])
async def test_keys_for_another_purpose_are_ignored(
    marks: dict[str, str], verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC, **marks))
    with pytest.raises(KeysUnavailable):
        await verify(signed(EC, "ES256"))


async def test_a_token_without_key_id_is_refused_when_two_keys_could_verify_it(
    verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC, NEXT))
    assert await verify(signed(EC, "ES256", kid=None)) is None


async def test_a_new_key_is_found_without_a_restart(
    verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    assert await verify(signed(EC, "ES256"))
    httpx_mock.add_response(url=URL, json=published(EC, NEXT))
    clock.now += MIN_INTERVAL_SECONDS
    assert await verify(signed(NEXT, "ES256"))


async def test_a_key_without_id_is_replaced_at_the_first_token_of_the_new_one(
    verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC, kid=None))
    assert await verify(signed(EC, "ES256", kid=None))
    httpx_mock.add_response(url=URL, json=published(NEXT, kid=None), is_reusable=True)
    assert await verify(signed(NEXT, "ES256", kid=None)) is None, "read a moment ago"
    clock.now += MIN_INTERVAL_SECONDS
    assert await verify(signed(NEXT, "ES256", kid=None))
    for number in range(20):
        assert await verify(signed(EC, "ES256", kid=None, jti=str(number))) is None
    assert len(httpx_mock.get_requests()) == 2
    clock.now += MIN_INTERVAL_SECONDS
    for number in range(20):
        assert await verify(signed(EC, "ES256", kid=None, jti=str(number))) is None
    assert len(httpx_mock.get_requests()) == 3


async def test_tokens_with_unknown_key_ids_cause_one_reading_per_interval(
    verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC), is_reusable=True)
    for number in range(20):
        assert await verify(signed(NEXT, "ES256", kid=str(number))) is None
    assert len(httpx_mock.get_requests()) == 1
    clock.now += MIN_INTERVAL_SECONDS
    assert await verify(signed(NEXT, "ES256")) is None
    assert len(httpx_mock.get_requests()) == 2


async def test_a_withdrawn_key_is_dropped_at_the_next_reading(
    verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC, NEXT))
    assert await verify(signed(NEXT, "ES256"))
    httpx_mock.add_response(url=URL, json=published(EC))
    clock.now += REFRESH_SECONDS + 1
    assert await verify(signed(EC, "ES256", jti="starts a reading in the background"))
    with anyio.fail_after(5):
        while await verify(signed(NEXT, "ES256", jti=str(time.perf_counter_ns()))):
            await anyio.lowlevel.checkpoint()


async def test_a_remembered_token_goes_with_its_key(
    keys: KeySet, verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC, NEXT))
    old, kept = signed(NEXT, "ES256"), signed(EC, "ES256")
    assert await verify(old)
    remembered = await verify(kept)
    httpx_mock.add_response(url=URL, json=published(EC, NEXT, RSA))
    clock.now += REFRESH_SECONDS + 1
    with anyio.fail_after(5):
        while keys.number != 3:
            await keys.are_known()
            await anyio.lowlevel.checkpoint()
    assert await verify(kept) is remembered, "another key is no reason to forget"
    httpx_mock.add_response(url=URL, json=published(EC, RSA))
    clock.now += REFRESH_SECONDS + 1
    with anyio.fail_after(5):
        while await verify(old):
            await keys.are_known()
            await anyio.lowlevel.checkpoint()
    assert await verify(kept)


async def test_keys_do_not_age_while_only_health_checks_come(
    keys: KeySet, clock: Clock, httpx_mock: HTTPXMock
) -> None:
    assert (keys.number, keys.age) == (0, 0)
    httpx_mock.add_response(url=URL, json=published(EC))
    assert await keys.are_known()
    assert (keys.number, keys.age) == (1, 0)
    httpx_mock.add_response(url=URL, json=published(EC, NEXT))
    clock.now += REFRESH_SECONDS + 1
    assert keys.age == REFRESH_SECONDS + 1
    assert await keys.are_known()
    with anyio.fail_after(5):
        while keys.number < 2:
            await anyio.lowlevel.checkpoint()
    assert keys.age == 0


DOWN = {
    "unreachable": {"exception": httpx.ConnectError("no")},
    "slow": {"exception": httpx.ReadTimeout("slow")},
    "failing": {"response": {"status_code": 503}},
    "not JSON": {"response": {"text": "<html>"}},
    "not a key set": {"response": {"json": {"keys": "none"}}},
    "a list": {"response": {"json": []}},
    "endless": {"response": {"content": b" " * (MAX_BYTES + 1)}},
    "nested": {"response": {"content": b"[" * 200_000}},
    "empty": {"response": {"json": {"keys": []}}},
    "without a usable key": {"response": {"json": published(WEAK, OTHER_CURVE)}},
}


def answer(httpx_mock: HTTPXMock, how: dict[str, Any]) -> None:
    if "exception" in how:
        httpx_mock.add_exception(how["exception"], url=URL, is_optional=True, is_reusable=True)
    else:
        httpx_mock.add_response(url=URL, **how["response"], is_optional=True, is_reusable=True)


@pytest.mark.parametrize("how", DOWN.values(), ids=DOWN)
async def test_while_no_keys_are_known_no_token_is_called_invalid(
    how: dict[str, Any], verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    answer(httpx_mock, how)
    with pytest.raises(KeysUnavailable):
        await verify(signed(EC, "ES256"))


@pytest.mark.parametrize("how", DOWN.values(), ids=DOWN)
async def test_known_keys_stay_in_use_while_the_provider_is_down(
    how: dict[str, Any], verify: Callable[[str], Any], clock: Clock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    assert await verify(signed(EC, "ES256", jti="1"))
    answer(httpx_mock, how)
    clock.now += 100 * REFRESH_SECONDS
    for number in range(3):
        assert await verify(signed(EC, "ES256", jti=str(number)))
        clock.now += MIN_INTERVAL_SECONDS
    assert await verify(signed(NEXT, "ES256")) is None


async def test_concurrent_callers_share_one_reading(
    verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    seen: list[Any] = []

    async def one(number: int) -> None:
        seen.append(await verify(signed(EC, "ES256", jti=str(number))))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    assert all(seen)
    assert len(httpx_mock.get_requests()) == 1


async def test_a_verified_token_is_remembered_until_it_expires(keys: KeySet, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    wall = Clock()
    wall.now = time.time()
    verifier = UserTokenVerifier(Source(keys), clock=wall)
    bearer = signed(EC, "ES256")
    first = await verifier.verify_token(bearer)
    assert await verifier.verify_token(bearer) is first
    wall.now += 61
    assert await verifier.verify_token(bearer) is None


async def test_remembered_tokens_take_little_memory(keys: KeySet, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, json=published(ED))
    verifier = UserTokenVerifier(Source(keys))
    long = [signed(ED, "EdDSA", note="x" * 10_000, jti=str(number)) for number in range(400)]
    first = await verifier.verify_token(long[0])
    for bearer in long:
        assert await verifier.verify_token(bearer)
    assert await verifier.verify_token(long[-1]) is await verifier.verify_token(long[-1])
    assert await verifier.verify_token(long[0]) is not first
    assert sum(len(sender.token.token) for sender in verifier._verified.values()) < MAX_REMEMBERED_BYTES / 4


async def test_a_changed_token_is_verified_on_its_own(
    verify: Callable[[str], Any], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=URL, json=published(EC))
    bearer = signed(EC, "ES256")
    assert await verify(bearer)
    header, claims, signature = bearer.split(".")
    forged = json.dumps({"sub": "bob", "iss": ISSUER, "aud": AUDIENCE, "exp": 9_999_999_999}).encode().hex()
    assert await verify(f"{header}.{forged}.{signature}") is None
    assert await verify(f"{header}.{claims}.{signature[:-4]}AAAA") is None
