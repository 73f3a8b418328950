"""Somebody is invited, signs in, and lets a client in, at all of the container."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.harness.clients import Tools, over_http, over_sse
from tests.harness.deployment import expect_no_secret_in
from tests.harness.forked import forked_command
from tests.harness.log_search import Kind, confide
from tests.harness.person import READ, Person
from tests.harness.processes import Process, running
from tests.harness.stack import stack_process
from tests.login.by_hand import Discovered, SignedIn

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]


@pytest.fixture(scope="module")
def container(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """All of the container, with no secret for tokens."""
    process = stack_process(api_binary, tmp_path_factory.mktemp("container"), TOOLBRIDGE_LOGIN="embedded")
    given = process.environment.items()
    process.environment = {name: value for name, value in given if not name.startswith("JWT_")}
    with running(process):
        yield process


def command(container: Process, folder: Path, *words: str) -> str:
    """What a command says that is run in the container."""
    done = forked_command({**container.environment, "TOOLBRIDGE_ENV_FILE": "/dev/null"}, folder, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def lets_in(container: Process, person: Person, endpoint: str, chooses: str = "both") -> SignedIn:
    async def visit(address: str) -> str:
        return person.visits(address, chooses=chooses)

    return await (await Discovered.at(container.url + endpoint)).sign_in(visit)


def connect(container: Process, endpoint: str, tokens: SignedIn) -> AbstractAsyncContextManager[Tools]:
    over = over_sse if endpoint == "/sse" else over_http
    return over(container.url, tokens.tokens["access_token"])


async def test_from_an_invitation_to_a_call_and_on_through_a_restart(
    container: Process, tmp_path: Path
) -> None:
    name, _, link = command(container, tmp_path, "user", "add", "ann").strip().partition("\t")
    with Person(container.url, name) as person:
        person.accepts(confide(Kind.SECRET, link.partition("token=")[2]))
        clients = {one: await lets_in(container, person, one) for one in ("/mcp", "/sse")}
        reading = await lets_in(container, person, "/mcp", READ)
        notes = set()
        for endpoint, tokens in clients.items():
            async with connect(container, endpoint, tokens) as tools:
                notes.add((await tools.call("create_note", title=endpoint, content="x"))["uid"])
        async with connect(container, "/mcp", reading) as tools:
            assert "create_note" not in {tool.name for tool in await tools.client.list_tools()}

        container.stop()
        container.start()
        for endpoint, tokens in clients.items():
            async with connect(container, endpoint, tokens) as tools:
                found = await tools.pages("list_notes")
                assert {note["uid"] for page in found for note in page} == notes
        assert person.opens(f"{container.url}/connections").path == "/connections", "the browser's session"
        again = await (await Discovered.at(f"{container.url}/mcp")).refresh(
            clients["/mcp"].client_id, clients["/mcp"].refresh_token
        )
        assert again.status_code == 200
    confided = {person.password, link, again.json()["access_token"], clients["/mcp"].refresh_token}
    expect_no_secret_in(container.log, confided)


async def test_a_service_calls_with_its_secret(container: Process, tmp_path: Path) -> None:
    secret = confide(Kind.SECRET, command(container, tmp_path, "client", "add", "nightly").strip())
    found = await Discovered.at(f"{container.url}/mcp")
    answer = await found.token({"grant_type": "client_credentials"}, auth=("service:nightly", secret))
    async with over_http(container.url, answer.raise_for_status().json()["access_token"]) as tools:
        assert "list_notes" in {tool.name for tool in await tools.client.list_tools()}
    expect_no_secret_in(container.log, {secret})
