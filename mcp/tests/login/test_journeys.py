"""From an invitation to the last token: a scripted person, clients by hand, real programs."""

import asyncio
import json
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.accounts import invited, service
from tests.harness.clients import over_http, over_sse
from tests.harness.person import BOTH, PASSWORD, READ, Person
from tests.harness.processes import Process, api_process, gateway_process, running
from tests.login.by_hand import Code, Discovered, client
from tests.login.known import members
from tests.login.places import EMBEDDED
from tests.login.publisher import CERTIFICATE, publishing

pytestmark = pytest.mark.anyio
LOOPBACK = "http://127.0.0.1:7/callback"
SITE = "https://client.example/callback?keep=1"


@dataclass(frozen=True)
class Place:
    api: Process
    gateway: Process
    person: Person

    async def visit(self, address: str) -> str:
        return self.person.visits(address)

    async def found(self, path: str = "/mcp") -> Discovered:
        return await Discovered.at(f"{self.gateway.url}{path}")


@pytest.fixture(scope="module")
def place(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One person for all tests: a password takes the API half a second."""
    folder = tmp_path_factory.mktemp("journeys")
    with (
        running(api_process(api_binary, folder, **EMBEDDED)) as api,
        running(gateway_process(api.url, folder, **EMBEDDED)) as gateway,
        Person(gateway.url, "ann@company.example") as person,
    ):
        person.accepts(asyncio.run(invited(api.url, person.name)))
        yield Place(api, gateway, person)
        assert PASSWORD not in gateway.log.read_text() + api.log.read_text()


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


async def registered(found: Discovered, *uris: str, **metadata: Any) -> dict[str, Any]:
    answer = await found.register(*(uris or (LOOPBACK,)), **metadata)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


async def code_for(place: Place, found: Discovered, client_id: str, **changes: str | None) -> Code:
    return await found.authorize(place.visit, client_id, LOOPBACK, **changes)


async def status_at(place: Place, token: str, path: str = "/mcp") -> int:
    async with client() as http:
        answer = await http.post(
            f"{place.gateway.url}{path}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"},
            json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
        )
        return answer.status_code


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/mcp?toolsets=work"])
async def test_a_person_lets_a_client_in(path: str, place: Place) -> None:
    found = await place.found(path)
    assert found.resource["resource"] == place.gateway.url + path
    signed = await found.sign_in(place.visit)
    tokens = signed.tokens
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "read write")
    said = claims(tokens["access_token"])
    assert said["aud"] == place.gateway.url + path.partition("?")[0]
    assert (said["iss"], said["client_id"]) == (place.gateway.url, signed.client_id)
    connect = over_sse if path == "/sse" else over_http
    async with connect(place.gateway.url, tokens["access_token"]) as tools:
        note = await tools.call("create_note", title="mine", content="a")
        assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]


async def test_an_answer_keeps_the_redirect_uri_and_names_state_and_issuer(place: Place) -> None:
    found = await place.found()
    client_id = (await registered(found, SITE))["client_id"]
    address, state, _ = found.authorization(client_id, SITE)
    reached = members(await place.visit(address))
    assert reached.keys() == {"keep", "code", "state", "iss"}
    assert (reached["keep"], reached["state"], reached["iss"]) == ("1", state, place.gateway.url)


async def test_a_person_who_does_not_agree_gives_nothing(place: Place) -> None:
    found = await place.found()
    address, state, _ = found.authorization((await registered(found))["client_id"], LOOPBACK)
    reached = members(place.person.visits(address, agrees=False))
    assert (reached["error"], reached["state"], reached["iss"]) == ("access_denied", state, place.gateway.url)
    assert "code" not in reached


@pytest.mark.parametrize(
    ("asked", "chooses", "scope"), [("read write", READ, "read"), ("read", BOTH, "read")]
)
async def test_a_person_gives_less_than_was_asked_and_never_more(
    asked: str, chooses: str, scope: str, place: Place
) -> None:
    found = await place.found()
    client_id = (await registered(found))["client_id"]
    address, _, verifier = found.authorization(client_id, LOOPBACK, scope=asked)
    answer = members(place.person.visits(address, chooses=chooses))
    tokens = (await found.redeem(client_id, Code(answer, LOOPBACK, verifier))).json()
    assert tokens["scope"] == scope
    more = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": client_id}
    assert error_of(await found.token({**more, "scope": "read write"})) == (400, "invalid_scope")
    kept = (await found.token({**more, "scope": "read offline_access"})).json()
    assert kept["scope"] == "read"
    async with over_http(place.gateway.url, kept["access_token"]) as tools:
        assert "create_note" not in {tool.name for tool in await tools.client.list_tools()}


async def test_a_code_is_good_once_and_a_second_use_ends_what_came_of_it(place: Place) -> None:
    found = await place.found()
    client_id = (await registered(found))["client_id"]
    code = await code_for(place, found, client_id)
    tokens = (await found.redeem(client_id, code)).raise_for_status().json()
    assert await status_at(place, tokens["access_token"]) != 401
    assert error_of(await found.redeem(client_id, code)) == (400, "invalid_grant")
    assert error_of(await found.refresh(client_id, tokens["refresh_token"])) == (400, "invalid_grant")
    for _ in range(40):
        if await status_at(place, tokens["access_token"]) == 401:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the access token is still accepted")


async def test_a_code_is_for_one_client_one_address_and_one_verifier(place: Place) -> None:
    found = await place.found()
    mine, other = [(await registered(found, client_name=name))["client_id"] for name in ("mine", "other")]
    code = await code_for(place, found, mine)
    refused = (400, "invalid_grant")
    assert error_of(await found.redeem(other, code)) == refused
    assert error_of(await found.redeem(mine, Code(code.answer, f"{LOOPBACK}/x", code.verifier))) == refused
    assert error_of(await found.redeem(mine, Code(code.answer, LOOPBACK, "x" * 43))) == refused
    whole = form_of(mine, code)
    for name, status in (("redirect_uri", refused), ("code_verifier", (400, "invalid_request"))):
        form = {key: value for key, value in whole.items() if key != name}
        assert error_of(await found.token(form)) == status
    wrong = {**whole, "resource": "https://evil.example/mcp"}
    assert error_of(await found.token(wrong)) == (400, "invalid_target")
    elsewhere = {**whole, "resource": f"{place.gateway.url}/sse"}
    assert error_of(await found.token(elsewhere)) == (400, "invalid_target")
    assert (await found.redeem(mine, code)).status_code == 200, "none of these has used the code up"


def form_of(client_id: str, code: Code) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code.answer["code"],
        "client_id": client_id,
        "redirect_uri": code.redirect_uri,
        "code_verifier": code.verifier,
    }


async def test_a_request_without_a_resource_is_for_the_whole_gateway(place: Place) -> None:
    found = await place.found()
    client_id = (await registered(found))["client_id"]
    code = await code_for(place, found, client_id, resource=None)
    tokens = (await found.redeem(client_id, code)).json()
    assert claims(tokens["access_token"])["aud"] == place.gateway.url
    for path in ("/mcp", "/sse"):
        assert await status_at(place, tokens["access_token"], path) not in (401, 403)
    narrowed = (await found.refresh(client_id, tokens["refresh_token"])).json()
    assert claims(narrowed["access_token"])["aud"] == f"{place.gateway.url}/mcp"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_each_kind_of_client_gets_tokens_and_new_ones(method: str, place: Place) -> None:
    found = await place.found()
    made = await registered(found, token_endpoint_auth_method=method)
    client_id, secret = made["client_id"], made.get("client_secret", "")
    code = await code_for(place, found, client_id)
    auth, more = ("", ""), {}
    if method == "client_secret_basic":
        auth = (client_id, secret)
    elif secret:
        more = {"client_secret": secret}
    form = {**form_of(client_id, code), **more}
    if any(auth):
        del form["client_id"]
    tokens = (await found.token(form, auth=auth)).raise_for_status().json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **more}
    if not any(auth):
        refresh["client_id"] = client_id
    assert (await found.token(refresh, auth=auth)).status_code == 200
    if method != "none":
        alone = {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": client_id,
        }
        assert error_of(await found.token(alone)) == (401, "invalid_client")


async def test_a_refresh_token_is_for_one_client(place: Place) -> None:
    found = await place.found()
    signed = await found.sign_in(place.visit)
    other = (await registered(found, client_name="other"))["client_id"]
    assert error_of(await found.refresh(other, signed.refresh_token)) == (400, "invalid_grant")
    assert (await found.refresh(signed.client_id, signed.refresh_token)).status_code == 200


async def test_two_refreshes_at_once_give_the_same_next_token(place: Place) -> None:
    found = await place.found()
    signed = await found.sign_in(place.visit)
    addresses = ("127.0.0.1", "127.0.0.2")
    answers = await asyncio.gather(
        *(found.refresh(signed.client_id, signed.refresh_token, address) for address in addresses)
    )
    tokens = [answer.raise_for_status().json() for answer in answers]
    assert len({one["refresh_token"] for one in tokens}) == 1
    assert len({one["access_token"] for one in tokens}) == 2


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_a_client_ends_its_connection(kind: str, place: Place) -> None:
    found = await place.found()
    signed = await found.sign_in(place.visit)
    other = (await registered(found, client_name="other"))["client_id"]
    async with client() as http:
        for client_id, is_ended in ((other, False), (signed.client_id, True)):
            form = {"token": signed.tokens[kind], "client_id": client_id}
            assert (await http.post(found.server["revocation_endpoint"], data=form)).status_code == 200
            answer = await found.refresh(signed.client_id, signed.refresh_token)
            assert (answer.status_code == 400) == is_ended
    assert (await found.refresh(signed.client_id, signed.refresh_token)).status_code == 400


async def test_a_service_acts_as_itself(place: Place) -> None:
    found = await place.found()
    name, secret = await service(place.api.url, "export")
    grant = {"grant_type": "client_credentials"}
    answers = [
        await found.token(grant, auth=(name, secret)),
        await found.token(grant, auth=(name.replace(":", "%3A"), secret)),
        await found.token({**grant, "client_id": name, "client_secret": secret}),
        await found.token(
            {**grant, "scope": "read", "resource": f"{place.gateway.url}/mcp"}, auth=(name, secret)
        ),
    ]
    tokens = [answer.raise_for_status().json() for answer in answers]
    assert [one["scope"] for one in tokens] == ["read write"] * 3 + ["read"]
    assert all("refresh_token" not in one for one in tokens)
    said = claims(tokens[-1]["access_token"])
    assert (said["sub"], said["client_id"], said["aud"]) == (name, name, f"{place.gateway.url}/mcp")
    async with over_http(place.gateway.url, tokens[0]["access_token"]) as tools:
        assert (await tools.call("create_note", title="of a service", content="a"))["uid"]


async def test_a_service_has_to_know_its_secret_and_keeps_to_its_scopes(place: Place) -> None:
    found = await place.found()
    name, secret = await service(place.api.url, "reader", "read")
    grant = {"grant_type": "client_credentials"}
    wrong = (401, "invalid_client")
    for auth in ((name, "x"), (name, ""), ("service:nobody", secret)):
        answer = await found.token(grant, auth=auth)
        assert error_of(answer) == wrong
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert error_of(await found.token({**grant, "client_id": name})) == wrong
    for scope in ("write", "read write", "openid"):
        assert error_of(await found.token({**grant, "scope": scope}, auth=(name, secret))) == (
            400,
            "invalid_scope",
        )
    elsewhere = {**grant, "resource": "https://evil.example"}
    assert error_of(await found.token(elsewhere, auth=(name, secret))) == (400, "invalid_target")


async def test_a_query_that_changes_on_the_way_is_checked_at_each_step(place: Place) -> None:
    """The page's form posts the query that it was opened with; whoever changes it meets the same checks."""
    found = await place.found()
    client_id = (await registered(found))["client_id"]
    address, _, _ = found.authorization(client_id, LOOPBACK)
    page = place.person.opens(address)
    form = page.form("/consent")
    for old, new in (("127.0.0.1%3A7", "evil.example"), ("S256", "plain"), ("tb1.", "tb1.A")):
        assert old in form.action
        changed = type(form)(form.action.replace(old, new), form.fields, form.choices)
        shown = place.person.sends(changed, scopes=BOTH, decision="allow")
        assert "code=" not in (shown.onward or "")
        assert "evil.example" not in (shown.onward or "")


async def test_a_client_with_a_metadata_document_needs_no_registration(place: Place, tmp_path: Path) -> None:
    front = gateway_process(place.api.url, tmp_path, **EMBEDDED, SSL_CERT_FILE=str(tmp_path / CERTIFICATE))
    front.command[:] = [sys.executable, "-m", "tests.login.publisher"]
    async with publishing(tmp_path) as site:
        with running(front), Person(front.url, place.person.name) as person:
            found = await Discovered.at(f"{front.url}/mcp")
            client_id = site.publish("client.json", "http://127.0.0.1/callback", "cursor://a/b")
            address, _, verifier = found.authorization(client_id, LOOPBACK)
            code = Code(members(await asyncio.to_thread(person.visits, address)), LOOPBACK, verifier)
            tokens = (await found.redeem(client_id, code)).raise_for_status().json()
            assert claims(tokens["access_token"])["client_id"] == client_id
            assert (await found.refresh(client_id, tokens["refresh_token"])).status_code == 200
            elsewhere = await place.found()  # that gateway cannot read the document, and need not
            assert (await elsewhere.refresh(client_id, tokens["refresh_token"])).status_code == 200
            shown = await asyncio.to_thread(person.opens, address)
            assert f"localhost:{site.port}" in shown.text
            assert site.read == ["client.json"]
            wrong, _, _ = found.authorization(client_id, "https://evil.example/cb")
            assert (await asyncio.to_thread(person.opens, wrong)).status == 400


async def test_while_the_api_is_away_clients_wait_or_are_told_to_come_back(
    api_binary: Path, tmp_path: Path
) -> None:
    with (
        running(api_process(api_binary, tmp_path, **EMBEDDED)) as api,
        running(gateway_process(api.url, tmp_path, **EMBEDDED)) as gateway,
        Person(gateway.url, "ann") as person,
    ):
        person.accepts(await invited(api.url, person.name))
        found = await Discovered.at(f"{gateway.url}/mcp")

        async def visit(address: str) -> str:
            return person.visits(address)

        signed = await found.sign_in(visit)
        api.kill()
        assert (await found.register(LOOPBACK)).status_code == 201, "that needs nothing of the API"
        async with client() as http:
            keys = await http.get(found.server["jwks_uri"])
        assert keys.json()["keys"]
        address, _, _ = found.authorization(signed.client_id, LOOPBACK)
        assert person.opens(address).status == 503
        refreshes = [
            asyncio.create_task(found.refresh(signed.client_id, signed.refresh_token)) for _ in range(3)
        ]
        await asyncio.sleep(1)
        await asyncio.to_thread(api.start)
        answers = [await refresh for refresh in refreshes]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1
