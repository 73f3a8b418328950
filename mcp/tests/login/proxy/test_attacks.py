"""What strangers try at the proxy: each is refused."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.login.proxy.by_hand import ByHand, arrived
from tests.login.proxy.openid import CLIENT
from tests.login.proxy.person import CALLBACK, Browser, Form
from tests.login.proxy.world import World
from toolbridge_mcp.login.proxy.public import BODY_BYTES

pytestmark = pytest.mark.anyio


async def get(address: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(address, headers=headers)


@pytest.mark.parametrize(
    "redirect",
    [
        "http://evil.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://good.example@evil.example/",
        "http://127.0.0.1@evil.example/",
        "https://evil.example/#fragment",
    ],
)
async def test_an_answer_never_goes_there(redirect: str, client: ByHand) -> None:
    answer = await client.register(redirect)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    assert (await client.register(CALLBACK, redirect)).json()["redirect_uris"] == [CALLBACK]
    page = await get(client.authorize_url(redirect_uri=redirect))
    assert (page.status_code, page.headers.get("Location")) == (400, None)


async def test_a_program_on_the_users_machine_may_have_any_port(client: ByHand) -> None:
    await client.register(
        "http://127.0.0.1:33418/callback", "cursor://anysphere/callback", "https://app.example/"
    )
    for redirect, status in (
        ("http://127.0.0.1:50000/callback", 302),
        ("cursor://anysphere/callback", 302),
        ("https://app.example/", 302),
        ("http://127.0.0.1:50000/other", 400),
        ("http://localhost:33418/callback", 400),
        ("https://app.example:8443/", 400),
        ("cursor://other/callback", 400),
    ):
        assert (await get(client.authorize_url(redirect_uri=redirect))).status_code == status, redirect


async def test_a_client_with_a_web_server_has_https_only(client: ByHand) -> None:
    answer = await client.register(CALLBACK, "https://app.example/", application_type="web")
    assert answer.json()["redirect_uris"] == ["https://app.example/"]


@pytest.mark.parametrize("made_up", ["", "tb1.AAAA", "4b5c8f4e-3b0a-4a51-8a3b-0a1b2c3d4e5f", CLIENT[0]])
async def test_no_one_else_is_a_client(made_up: str, client: ByHand) -> None:
    """Not even the gateway itself at the provider, whose id everybody knows who signs in."""
    client.client_id = made_up
    assert (await get(client.authorize_url())).status_code == 400


async def test_a_changed_client_id_is_none(client: ByHand) -> None:
    await client.register()
    end = "A" if client.client_id[-1] != "A" else "B"
    client.client_id = client.client_id[:-1] + end
    assert (await get(client.authorize_url())).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
async def test_a_wrong_request_leads_back_with_its_error(
    changes: dict[str, str | None], error: str, world: World, client: ByHand
) -> None:
    await client.register()
    answer = await get(client.authorize_url(**changes))
    assert answer.headers["Location"].startswith(CALLBACK)
    found = arrived(answer.headers["Location"])
    assert (found["error"], found["state"], found["iss"]) == (error, "of the client", world.url)


async def test_a_browser_is_not_sent_to_a_client_with_an_error(client: ByHand) -> None:
    """Anyone can register any address, so that it would be an open redirect (RFC 9700, section 4.11.2)."""
    await client.register("https://evil.example/")
    asked = client.authorize_url(redirect_uri="https://evil.example/", scope="admin")
    page = await get(asked, Accept="text/html,*/*;q=0.8")
    assert (page.status_code, page.headers.get("Location")) == (400, None)
    assert "evil.example</bdi>" in page.text
    unknown = await get(client.authorize_url(client_id="<unknown>"), Accept="text/html")
    assert (unknown.status_code, "<unknown>" in unknown.text) == (400, False)
    assert "This did not work" in unknown.text


async def test_who_does_not_agree_gives_nothing(world: World, client: ByHand) -> None:
    client.browser.agrees = False
    found = await client.sign_in()
    assert found == {"error": "access_denied", "state": "of the client", "iss": world.url}


async def test_the_page_says_who_asks_and_where_the_answer_goes(client: ByHand) -> None:
    await client.register(client_name="<b>Friendly</b>")
    await client.browser.visit(client.authorize_url(), until="/auth")
    page = client.browser.pages[0]
    assert "&lt;b&gt;Friendly" in page.text
    assert "127.0.0.1</bdi>" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    outside = re.findall(r"(?:src|href|url)[=(][\"']?(?!data:)([^\"')>]+)", page.text)
    assert not [address for address in outside if "//" in address]


async def test_no_other_browser_ends_a_sign_in(client: ByHand) -> None:
    """Somebody agrees to their own sign-in, and sends the rest of it to a victim (RFC 9700, section 4.7)."""
    await client.register()
    rest = await client.browser.visit(client.authorize_url(), until="/auth/callback")
    refused = await get(rest)
    assert refused.status_code == 403


async def test_a_stranger_writes_nothing_into_the_log(world: World) -> None:
    text = "written-by-a-stranger"
    for query in (
        f"error=x&error_description={text}",
        f"code={text}&state={text}",
        f"error={text}&state={text}",
    ):
        assert (await get(f"{world.url}/auth/callback?{query}")).status_code == 400
    assert text not in world.gateway.log.read_text()


async def test_no_other_page_agrees_for_a_user(world: World, client: ByHand) -> None:
    await client.register()
    consent = await client.browser.visit(client.authorize_url(), until="/consent")
    async with httpx.AsyncClient(trust_env=False) as mine, httpx.AsyncClient(trust_env=False) as victims:
        form = Form((await mine.get(consent)).text)
        fields = {**form.fields, "action": "approve"}
        address = f"{world.url}/consent"
        foreign = await mine.post(address, data=fields, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        forged = await victims.post(address, data=fields, headers={"Origin": world.url})
        assert forged.status_code == 403
        guessed = await mine.post(address, data={**fields, "csrf_token": "x"}, headers={"Origin": world.url})
        assert guessed.status_code == 400


@pytest.mark.parametrize("path", ["/register", "/token", "/consent"])
async def test_a_body_has_a_limit(path: str, world: World) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{world.url}{path}", content=b"x" * (BODY_BYTES + 1))
    assert answer.status_code == 413


async def test_a_sign_in_of_the_browser_leads_to_the_gateway_only(world: World) -> None:
    person = ByHand(world.url, Browser("fay"))
    await person.register()
    to_the_provider = await person.browser.visit(person.authorize_url(), until="/auth")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(to_the_provider).query).items()}
    assert asked["redirect_uri"] == f"{world.url}/auth/callback"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"].split() == ["openid", "offline_access", "read", "write"]
    assert "resource" not in asked


async def test_a_stranger_has_a_rate(world: World, client: ByHand) -> None:
    await client.register()
    answers = await asyncio.gather(*(get(client.authorize_url()) for _ in range(80)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0].headers["Retry-After"]) > 0
    assert len(list((world.folder / "mcp-oauth-transactions").iterdir())) <= 120
