"""The choice of toolsets in an address: who reads it, what a wrong one is answered, and signing in with one.

What clients see of the tools is in tests/tools/test_toolsets.py.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp import MCPError

from tests.harness.clients import HELLO, Tools, over_http, over_sse
from tests.harness.processes import Process, gateway_process, running
from toolbridge_mcp.tools.toolsets import TOOLSETS
from toolbridge_mcp.web.entry.toolsets import MAX_QUERY_BYTES, ToolsetsInAddresses
from toolbridge_mcp.web.refused import Refused

pytestmark = pytest.mark.anyio
METADATA = "/.well-known/oauth-protected-resource"
CHOICE = "?toolsets=work,crud"


@pytest.fixture
async def http(gateway: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", set()),
        ("toolsets=", set()),
        ("toolsets", set()),
        ("toolsets=+,%20,", set()),
        ("session=7", set()),
        ("other=nonsense&toolsets=", set()),
        ("toolsets=work", {"work"}),
        ("toolsets=work,crud", {"work", "crud"}),
        ("toolsets=work%2Ccrud", {"work", "crud"}),
        ("toolsets=work&toolsets=crud", {"work", "crud"}),
        ("toolsets=WORK,%20Crud,,work", {"work", "crud"}),
        ("toolsets=work+crud", {"work", "crud"}),
        ("ToolSets=work", {"work"}),
        ("a=b&toolsets=chatgpt&c=d", {"chatgpt"}),
    ],
)
async def test_names_are_separated_by_commas_or_repeated_in_any_case(query: str, chosen: set[str]) -> None:
    toolsets = ToolsetsInAddresses(TOOLSETS)
    for _ in range(2):
        choice = toolsets.choice(query.encode())
        assert set(choice or ()) == chosen
        assert (choice is None) == (not chosen)


async def test_only_a_few_queries_are_remembered_and_a_long_one_is_refused() -> None:
    toolsets = ToolsetsInAddresses(TOOLSETS)
    for number in range(1_000):
        assert toolsets.choice(b"toolsets=work&x=%d" % number) == frozenset({"work"})
    assert toolsets._remembered.cache_info().currsize < 100
    assert toolsets.choice(b"x=1&" * 1_000) is None
    for query in (b"toolsets=work&x=" + b"x" * MAX_QUERY_BYTES, b"toolsets=work&" + b"x=1&" * 100):
        with pytest.raises(Refused, match="The query of the address has more than"):
            toolsets.choice(query)


WRONG = [
    ("wrok", "There is no toolset 'wrok'. Did you mean work? "),
    ("work,all", "There is no toolset 'all'. "),
    ("%22%3Cb%3E%C3%A9", "There is no toolset '\"<b>"),
    ("x" * 500, "There is no toolset '" + "x" * 40 + "...'. "),
]


@pytest.mark.parametrize(("value", "says"), WRONG)
@pytest.mark.parametrize(("method", "path"), [("GET", "/sse"), ("GET", "/mcp"), ("POST", "/mcp")])
async def test_an_unknown_name_is_answered_with_the_names_that_there_are(
    method: str, path: str, value: str, says: str, http: httpx.AsyncClient, bearer: str
) -> None:
    """Also before the client signs in: it would be for nothing."""
    for headers in ({}, {"Authorization": f"Bearer {bearer}"}):
        answer = await http.request(method, f"{path}?toolsets={value}", headers=headers)
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert message.startswith(says)
        assert f"The toolsets are {', '.join(TOOLSETS)}; " in message
        assert len(message) < 250


async def test_clients_show_what_is_wrong_with_an_address(gateway: Process, bearer: str) -> None:
    transport = StreamableHttpTransport(
        f"{gateway.url}/mcp?toolsets=wrok", headers={"Authorization": f"Bearer {bearer}"}
    )
    with pytest.raises((MCPError, RuntimeError), match="no toolset 'wrok'"):
        async with Client(transport, mode="legacy"):
            pass


async def test_pages_can_read_what_is_wrong_with_an_address(http: httpx.AsyncClient) -> None:
    origin = {"Origin": "http://localhost:6274"}
    answer = await http.post("/mcp?toolsets=x", headers=origin)
    assert answer.status_code == 400
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    assert (await http.options("/mcp?toolsets=work", headers=preflight)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sse"), ("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp")]
)
async def test_a_challenge_leads_to_metadata_for_the_whole_address(
    method: str, path: str, http: httpx.AsyncClient
) -> None:
    """RFC 9728, section 3.3: the resource is identical to the address that the client used."""
    base = str(http.base_url).rstrip("/")
    for query in (CHOICE, "?a=1&toolsets=Work", "?toolsets=work%2Ccrud"):
        answer = await http.request(method, path + query)
        url = f"{base}{METADATA}{path}{query}"
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Bearer scope="read write", resource_metadata="{url}"'
        assert (await http.get(url)).json()["resource"] == f"{base}{path}{query}"


@pytest.mark.parametrize("query", ["", "?", "?toolsets=", "?x=1", "?x=%22"])
async def test_an_address_without_a_choice_is_the_plain_resource(query: str, http: httpx.AsyncClient) -> None:
    base = str(http.base_url).rstrip("/")
    challenge = (await http.post("/mcp" + query)).headers["WWW-Authenticate"]
    assert f'resource_metadata="{base}{METADATA}/mcp"' in challenge
    assert (await http.get(f"{METADATA}/mcp{query}")).json()["resource"] == f"{base}/mcp"
    assert (await http.get(f"{METADATA}{query}")).json()["resource"] == base


async def test_nothing_but_a_choice_gets_into_headers_and_metadata(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{METADATA}/mcp?toolsets=wrok")).status_code == 404
    assert (await http.get(f"{METADATA}?toolsets=work")).json()["resource"] == str(http.base_url).rstrip("/")
    raw = httpx.URL(http.base_url).copy_with(raw_path=b'/mcp?toolsets=work&x="a\\b"')
    answer = await http.post(raw)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].endswith(f'{METADATA}/mcp"')


async def test_behind_a_path_the_choice_stays_behind_the_whole_address(
    api: Process, tmp_path_factory: pytest.TempPathFactory, bearer: str
) -> None:
    public = "https://tenant.example/tools"
    settings = {"TOOLBRIDGE_PUBLIC_URL": public}
    with running(gateway_process(api.url, tmp_path_factory.mktemp("public"), **settings)) as process:
        async with httpx.AsyncClient(
            base_url=process.url, trust_env=False, headers={"Host": "tenant.example"}
        ) as http:
            for prefix in ("", "/tools"):
                challenge = (await http.post(f"{prefix}/mcp{CHOICE}")).headers["WWW-Authenticate"]
                assert f'resource_metadata="{public}{METADATA}/mcp{CHOICE}"' in challenge
            for path in (METADATA + "/mcp", METADATA + "/tools/mcp", "/tools" + METADATA + "/mcp"):
                assert (await http.get(path + CHOICE)).json()["resource"] == f"{public}/mcp{CHOICE}"
            headers = {"Authorization": f"Bearer {bearer}"}
            async with http.stream("GET", f"/tools/sse{CHOICE}", headers=headers) as stream:
                lines = stream.aiter_lines()
                data = [await anext(lines), await anext(lines)][1]
            assert data.startswith("data: /tools/messages/?session_id=")
            assert "toolsets" not in data


async def test_a_message_over_sse_is_challenged_for_the_address_of_its_stream(
    http: httpx.AsyncClient, bearer: str
) -> None:
    """A token that expired while the stream is open."""
    headers = {"Authorization": f"Bearer {bearer}"}
    base = str(http.base_url).rstrip("/")
    for query in (CHOICE, ""):
        async with http.stream("GET", f"/sse{query}", headers=headers) as stream:
            lines = stream.aiter_lines()
            path = [await anext(lines), await anext(lines)][1].removeprefix("data: ")
            expired = await http.post(path, json=HELLO, headers={"Authorization": "Bearer x"})
            assert expired.status_code == 401
            assert f'resource_metadata="{base}{METADATA}/sse{query}"' in expired.headers["WWW-Authenticate"]
            assert (await http.post(path, json=HELLO, headers=headers)).status_code == 202
    gone = await http.post(path, json=HELLO)
    assert f'resource_metadata="{base}{METADATA}/sse"' in gone.headers["WWW-Authenticate"]


@pytest.mark.parametrize("connect", [over_sse, over_http])
async def test_clients_work_with_an_address_that_chooses(
    connect: Callable[[str, str, str], AbstractAsyncContextManager[Tools]], gateway: Process, bearer: str
) -> None:
    async with connect(gateway.url, bearer, CHOICE) as tools:
        assert (await tools.call("list_notes"))["items"] == []
