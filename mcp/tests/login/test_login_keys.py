"""Tokens of the embedded login: which are accepted, and how soon one that was revoked is not."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from tests.harness.by_hand import signed_token
from tests.harness.clients import settings_for, token
from tests.harness.processes import JWT_HS256_SECRET
from tests.login.state_server import ISSUER, StateServer, access_token, new_key
from toolbridge_mcp.auth import KeysUnavailable, TokenRevoked, UserTokenVerifier
from toolbridge_mcp.http_clients import outside_http
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.login.failures import LoginOff, LoginUnavailable
from toolbridge_mcp.login.keys import MIN_INTERVAL_SECONDS, NO_LOGIN, NONE_YET, POLL_SECONDS
from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.sources import token_sources

pytestmark = pytest.mark.anyio
KEY, NEXT, STRANGE = new_key("k1"), new_key("k2"), new_key("k1")
NOW = int(time.time())
DAY = 86_400
"""Longer than all tests together take."""
SOON_SECONDS = POLL_SECONDS + 1


@pytest.fixture
async def server() -> AsyncIterator[StateServer]:
    async with StateServer([KEY]).running() as server:
        yield server


@pytest.fixture
async def login(server: StateServer) -> AsyncIterator[Login]:
    login = server.login()
    async with login.kept():
        yield login


@pytest.fixture
def verifier(server: StateServer, login: Login) -> UserTokenVerifier:
    """As the gateway has it, with a shared secret beside the login's keys."""
    settings = settings_for(server.url, login="embedded", public_url=ISSUER)
    ring = Keyring.of_secret(JWT_HS256_SECRET)
    return UserTokenVerifier(*token_sources(settings, ring, outside_http(settings), login))


ACCEPTED: dict[str, dict[str, Any]] = {
    "for /mcp": {},
    "for /sse": {"aud": f"{ISSUER}/sse"},
    "for both": {"aud": ISSUER},
    "for some toolsets": {"aud": f"{ISSUER}/mcp?toolsets=work"},
    "valid already": {"nbf": NOW - 1},
    "typed in full": {"header": {"typ": "application/at+jwt"}},
    "typed in capitals": {"header": {"typ": "AT+JWT"}},
    "of a service": {"sub": "service:backup", "client_id": "service:backup"},
}
REFUSED: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://tools.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://tools.example/mcp"},
    "no audience": {"aud": None},
    "an audience that only begins so": {"aud": f"{ISSUER}/mcp/x"},
    "expired": {"exp": NOW - 1},
    "no end": {"exp": None},
    "not valid yet": {"nbf": NOW + DAY},
    "made at no time": {"iat": None},
    "made at a time in words": {"iat": "now"},
    "of no connection": {"sid": None},
    "of an empty connection": {"sid": ""},
    "of a connection that is no text": {"sid": ["family-1"]},
    "no user": {"sub": None},
    "no key id": {"header": {"kid": None}},
    "an unknown key id": {"header": {"kid": "k9"}},
    "typed as any JWT": {"header": {"typ": "JWT"}},
    "not typed": {"header": {"typ": None}},
    "typed as an ID token": {"header": {"typ": "id+jwt"}},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
async def test_a_token_of_the_login_is_accepted(changes: dict[str, Any], verifier: UserTokenVerifier) -> None:
    bearer = access_token(KEY, **changes)
    access = await verifier.verify_token(bearer)
    assert access
    assert access.subject == changes.get("sub", "u_ann")
    assert access.scopes == ["read", "write"]
    assert await verifier.verify_token(bearer) is access, "it is remembered"


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
async def test_a_token_that_lacks_something_is_refused(
    changes: dict[str, Any], verifier: UserTokenVerifier
) -> None:
    assert await verifier.verify_token(access_token(KEY, **changes)) is None


async def test_the_algorithm_alone_chooses_what_a_token_is_checked_with(verifier: UserTokenVerifier) -> None:
    published = KEY.as_dict(private=False)
    claims = {"iss": ISSUER, "sub": "u_ann", "aud": ISSUER, "exp": NOW + DAY, "iat": NOW, "sid": "family-1"}
    assert await verifier.verify_token(token("ann")), "a shared secret beside the login"
    for secret in (KEY.as_pem(private=False).decode(), str(published["x"]), json.dumps(published)):
        assert await verifier.verify_token(signed_token(secret, claims)) is None, (
            "what is public is no secret"
        )
    shared = OctKey.import_key(JWT_HS256_SECRET)
    by_secret = access_token(shared, algorithm="HS256", header={"kid": "k1"}, scope=None)
    access = await verifier.verify_token(by_secret)
    assert access, "what is signed with the shared secret is judged as such"
    assert access.scopes == ["read", "write"], "and without scopes may do everything"
    rsa = RSAKey.generate_key(2048, {"kid": "k1"})
    assert await verifier.verify_token(access_token(rsa, algorithm="RS256")) is None
    assert await verifier.verify_token(access_token(STRANGE)) is None, "another key under a known id"


async def test_a_token_of_the_login_without_scopes_allows_nothing(verifier: UserTokenVerifier) -> None:
    access = await verifier.verify_token(access_token(KEY, scope=None))
    assert access
    assert access.scopes == []


async def until_revoked(verifier: UserTokenVerifier, bearer: str) -> float:
    began = time.monotonic()
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            try:
                assert await verifier.sender(bearer)
            except TokenRevoked:
                return time.monotonic() - began
            await asyncio.sleep(0.01)


async def test_a_remembered_token_is_refused_as_soon_as_its_connection_has_ended(
    server: StateServer, verifier: UserTokenVerifier
) -> None:
    revoked, other = access_token(KEY), access_token(KEY, sid="family-2")
    assert await verifier.verify_token(revoked)
    server.revoked = [{"sid": "family-1", "until": NOW + DAY}]
    await until_revoked(verifier, revoked)
    assert await verifier.verify_token(revoked) is None
    assert await verifier.verify_token(other), "of the same user"
    server.status = 500
    await asked_again(server)
    assert await verifier.verify_token(revoked) is None, "while the API fails"


async def test_the_tokens_of_a_user_are_refused_up_to_a_time(
    server: StateServer, verifier: UserTokenVerifier
) -> None:
    before, after = access_token(KEY, iat=NOW), access_token(KEY, iat=NOW + 1)
    others = access_token(KEY, iat=NOW, sub="u_ben")
    sender = await verifier.sender(before)
    assert sender
    server.revoked = [{"sub": "u_ann", "before": at, "until": NOW + DAY} for at in (NOW, NOW - 600)]
    await until_revoked(verifier, before)
    assert sender.is_revoked
    assert await verifier.verify_token(after)
    assert await verifier.verify_token(others)
    by_secret = token("u_ann", iat=NOW)
    assert await verifier.verify_token(by_secret), "it is not of the login"


async def test_a_key_that_signs_at_once_is_known_with_its_first_token(
    server: StateServer, verifier: UserTokenVerifier
) -> None:
    old = access_token(KEY)
    assert await verifier.verify_token(old)
    server.keys = [NEXT]
    async with asyncio.timeout(2 * MIN_INTERVAL_SECONDS):
        assert await verifier.verify_token(access_token(NEXT))
    assert await verifier.verify_token(old) is None, "its key was withdrawn"


async def test_a_token_that_the_api_refused_makes_the_gateway_look_at_once(
    server: StateServer, login: Login, verifier: UserTokenVerifier
) -> None:
    bearer = access_token(KEY)
    assert await verifier.verify_token(bearer)
    await asked_again(server)
    await asyncio.sleep(MIN_INTERVAL_SECONDS)
    asked, server.revoked = server.asked, [{"sid": "family-1", "until": NOW + DAY}]
    for _ in range(100):
        login.keys.look()
    async with asyncio.timeout(POLL_SECONDS / 2):
        while await verifier.verify_token(bearer):
            await asyncio.sleep(0.01)
    assert server.asked == asked + 1


async def test_strangers_make_the_gateway_ask_only_so_often(
    server: StateServer, verifier: UserTokenVerifier
) -> None:
    await verifier.verify_token(access_token(KEY))
    asked, began = server.asked, time.monotonic()
    for _ in range(4):
        strange = [access_token(STRANGE, header={"kid": f"k{number}"}) for number in range(50)]
        assert await asyncio.gather(*(verifier.verify_token(one) for one in strange)) == [None] * 50
    seconds = time.monotonic() - began
    assert server.asked - asked <= seconds / MIN_INTERVAL_SECONDS + 1


WRONG: dict[str, dict[str, Any]] = {
    "an error": {"status": 500},
    "a sign-in that is off": {"status": 404, "code": "route_not_found"},
    "no key": {"keys": []},
    "no JSON": {"body": "<html>"},
    "JSON of another kind": {"body": '{"keys": [[], 1, {"kty": []}], "seal": "", "revoked": []}'},
}


async def asked_again(server: StateServer) -> None:
    """Returns when another answer has arrived."""
    asked = server.asked
    async with asyncio.timeout(SOON_SECONDS):
        while server.asked == asked:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)


async def test_what_is_known_stays_in_use_while_the_api_says_nothing_better(
    server: StateServer, login: Login, verifier: UserTokenVerifier
) -> None:
    bearer = access_token(KEY)
    assert await verifier.verify_token(bearer)
    for number, wrong in enumerate(WRONG.values()):
        server.change(**wrong)
        await asked_again(server)
        assert await verifier.verify_token(bearer)
        assert await verifier.verify_token(access_token(KEY, jti=f"new-{number}"))
        assert await login.keys.are_known()
    assert login.keys.age > len(WRONG) * POLL_SECONDS / 2
    server.change(keys=[KEY])
    await asked_again(server)
    assert login.keys.age < POLL_SECONDS


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_no_token_is_called_invalid_before_a_key_was_read(
    wrong: dict[str, Any], server: StateServer
) -> None:
    server.change(**wrong)
    login = server.login()
    settings = settings_for(server.url, login="embedded", public_url=ISSUER, JWT_HS256_SECRET=None)
    verifier = UserTokenVerifier(*token_sources(settings, None, outside_http(settings), login))
    async with login.kept():
        for header in ({}, {"kid": None}):
            with pytest.raises(KeysUnavailable):
                await verifier.verify_token(access_token(KEY, header=header))
        with pytest.raises(LoginOff if wrong.get("status") == 404 else LoginUnavailable):
            await login.keys.seal()
        assert await verifier.verify_token(token("ann")) is None, "there are no shared secrets"
        assert not await login.keys.are_known()
        assert login.keys.lack == (NO_LOGIN if wrong.get("status") == 404 else NONE_YET)
        server.change(keys=[KEY])
        async with asyncio.timeout(SOON_SECONDS):
            while not await login.keys.are_known():
                await asyncio.sleep(0.02)
        assert login.keys.lack == ""
        assert await verifier.verify_token(access_token(KEY))
        assert await login.keys.seal() == bytes(32)
