"""Requests for authorization: every error of RFC 6749, section 4.1.2.1, RFC 7636, RFC 8707 and RFC 9207."""

import pytest

from tests.login.known import (
    CALLBACK,
    CHALLENGE,
    ISSUER,
    authorization,
    client,
    members,
    query,
)
from toolbridge_mcp.login.authorization import Refusal, Request
from toolbridge_mcp.login.redirects import Place

pytestmark = pytest.mark.anyio


async def check(asked: str) -> Request:
    return await authorization().check(asked, "192.0.2.1")


async def refused(asked: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await check(asked)
    return caught.value


async def test_a_request_says_who_asks_for_what_and_where_the_answer_goes() -> None:
    client_id = client()
    asked = await check(query(client_id, scope="read offline_access", resource=f"{ISSUER}/mcp?toolsets=work"))
    assert (asked.client.id, asked.client.name, asked.client.host) == (client_id, "A client", "127.0.0.1")
    assert not asked.is_proven
    assert (asked.redirect_uri, asked.redirect_uri_given) == (CALLBACK, True)
    assert asked.place == Place("device", "127.0.0.1")
    assert (asked.scopes, asked.state, asked.challenge) == (("read",), "x y", CHALLENGE)
    assert asked.resource == f"{ISSUER}/mcp?toolsets=work"


async def test_a_program_may_use_another_port_than_it_has_registered() -> None:
    asked = await check(
        query(client("http://127.0.0.1:33418/callback"), redirect_uri="http://127.0.0.1:50999/callback")
    )
    assert asked.redirect_uri == "http://127.0.0.1:50999/callback"


async def test_the_only_redirect_uri_need_not_be_named() -> None:
    asked = await check(query(client(), redirect_uri=None))
    assert (asked.redirect_uri, asked.redirect_uri_given) == (CALLBACK, False)


async def test_an_answer_goes_to_the_address_as_the_client_wrote_it() -> None:
    uri = "https://Client.Example/cb?flag"
    asked = await check(query(client(uri), redirect_uri=uri))
    assert asked.redirect_uri == uri
    denied = authorization().deny(asked)
    assert denied.startswith(f"{uri}&error=access_denied&")
    assert (members(denied)["state"], members(denied)["iss"]) == ("x y", ISSUER)


async def test_both_scopes_are_asked_for_if_none_is_named() -> None:
    assert (await check(query(client(), scope=None))).scopes == ("read", "write")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("invalid_request", {"response_type": None}),
        ("unsupported_response_type", {"response_type": "token"}),
        ("unsupported_response_type", {"response_type": "code token"}),
        ("invalid_scope", {"scope": "openid"}),
        ("invalid_request", {"code_challenge": None}),
        ("invalid_request", {"code_challenge": "short"}),
        ("invalid_request", {"code_challenge_method": "plain"}),
        ("invalid_request", {"code_challenge_method": None}),
        ("invalid_target", {"resource": "https://evil.example/mcp"}),
        ("invalid_target", {"resource": f"{ISSUER}/mcp?toolsets=nothing"}),
    ],
)
async def test_a_client_learns_of_its_error_with_state_and_issuer(code: str, changes: dict[str, str]) -> None:
    refusal = await refused(query(client(), **changes))
    assert refusal.code == code
    assert refusal.redirect
    assert refusal.redirect.startswith(f"{CALLBACK}?")
    told = members(refusal.redirect)
    assert told.keys() == {"error", "error_description", "state", "iss"}
    assert (told["error"], told["state"], told["iss"]) == (code, "x y", ISSUER)
    assert told["error_description"] == refusal.sentence


@pytest.mark.parametrize("name", ["scope", "resource", "code_challenge", "response_type", "unknown"])
async def test_a_parameter_that_comes_twice_is_refused(name: str) -> None:
    refusal = await refused(f"{query(client())}&{name}=read&{name}=read")
    assert (refusal.code, refusal.sentence) == ("invalid_request", f"{name} comes more than once.")
    assert refusal.redirect
    assert members(refusal.redirect)["iss"] == ISSUER


async def test_a_state_that_comes_twice_is_sent_back_in_neither_form() -> None:
    refusal = await refused(f"{query(client())}&state=other")
    assert refusal.redirect
    assert "state" not in members(refusal.redirect)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_nobody_is_sent_anywhere_if_it_is_not_clear_where(name: str) -> None:
    refusal = await refused(f"{query(client())}&{name}=x")
    assert (refusal.code, refusal.redirect) == ("invalid_request", None)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "response_type=code&state=x",
        query("unknown"),
        query(f"{client()}A"),
        query("service:export"),
        query(client(), redirect_uri="https://evil.example/"),
        query(client(), redirect_uri="http://127.0.0.1.evil.example/callback"),
        query(client(), redirect_uri=f"{CALLBACK}/../../x"),
        query(client(), redirect_uri=f"{CALLBACK}?x=1"),
        query(client(), redirect_uri="javascript:alert(1)"),
        query(client(CALLBACK, "cursor://a/b"), redirect_uri=None),
        query(client(), response_type="token", redirect_uri="https://evil.example/"),
        f"{query(client())}&x=%FF",
        f"{query(client())}&x={'x' * 9_000}",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_the_clients(asked: str) -> None:
    refusal = await refused(asked)
    assert refusal.redirect is None
    assert refusal.sentence


async def test_a_client_gets_no_more_than_it_has_registered() -> None:
    assert (await check(query(client(scope="read"), scope="read write"))).scopes == ("read",)
    assert (await refused(query(client(scope="read"), scope="write"))).code == "invalid_scope"


async def test_the_person_cannot_allow_what_was_not_asked_for() -> None:
    asked = await check(query(client(), scope="read"))
    with pytest.raises(ValueError, match="nothing of what was asked"):
        await authorization().grant(asked, "tbs_x", ["write"])
