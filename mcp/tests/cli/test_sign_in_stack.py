"""`toolbridge up` lets a user sign in, and so does the container without any secret for tokens."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.test_stack import Machine
from tests.harness import log_search
from tests.harness.clients import over_http
from tests.harness.log_search import Kind, confide
from tests.harness.person import Person
from tests.harness.processes import running
from tests.harness.stack import stack_process
from tests.login.by_hand import Discovered


@pytest.fixture
def machine(tmp_path: Path, api_binary: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, api_binary)
    yield machine
    machine("down")
    for log in machine.data.glob("toolbridge.log*"):
        log_search.this_run().keep(log)


def printed(name: str, said: str) -> str:
    found = re.search(rf"^{name} +(\S+)", said, re.MULTILINE)
    assert found, said
    return found[1]


async def access_token(url: str, person: Person) -> str:
    async def visit(address: str) -> str:
        return person.visits(address)

    found = await Discovered.at(f"{url}/mcp")
    return confide(Kind.TOKEN, str((await found.sign_in(visit)).tokens["access_token"]))


@pytest.mark.anyio
async def test_the_printed_user_signs_in_and_sees_what_the_printed_token_sees(machine: Machine) -> None:
    code, said = machine("up", "--detach")
    assert code == 0, said
    url = printed("ToolBridge", said).removesuffix("/mcp")
    assert printed("Sign in", said) == f"{url}/sign-in"
    assert "shown this once" in said
    password, token = (
        confide(Kind.SECRET, printed("Password", said)),
        confide(Kind.TOKEN, printed("Token", said)),
    )
    assert f"claude mcp add --transport http toolbridge {url}/mcp\n" in said
    with Person(url, printed("User", said), password) as person:
        signed_in = await access_token(url, person)
    async with over_http(url, token) as tools:
        note = await tools.call("create_note", title="Milk", content="Two litres")
    async with over_http(url, signed_in) as tools:
        assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
    code, said = machine("doctor", TOOLBRIDGE_TOKEN=token)
    assert code == 0, said
    assert f"ok          sign-in page: {url}/sign-in" in said
    log = machine.data.joinpath("toolbridge.log").read_text()
    assert password not in log

    machine("down")
    code, said = machine("up", "--detach")
    assert code == 0, said
    assert "Password     (as it was shown; `toolbridge user reset dev` makes a link" in said
    link = machine("user", "reset", "dev")[1].split("\n")[0].partition("\t")[2]
    with Person(url, "dev") as person:
        person.accepts(confide(Kind.SECRET, link.partition("token=")[2]))


def test_a_user_who_was_removed_is_not_made_again_beside_others(machine: Machine) -> None:
    machine("up", "--detach")
    machine("user", "add", "ann")
    assert machine("user", "remove", "dev", "--yes")[0] == 0
    machine("down")
    code, said = machine("up", "--detach")
    assert code == 0, said
    assert "Password" not in said
    assert "user add NAME` invites somebody" in said
    assert [user["name"] for user in json.loads(machine("user", "list", "--json")[1])] == ["ann"]


def test_the_container_needs_no_secret_for_tokens(api_binary: Path, tmp_path: Path) -> None:
    process = stack_process(
        api_binary,
        tmp_path,
        TOOLBRIDGE_LOGIN="embedded",
        TOOLBRIDGE_PUBLIC_URL="https://tenant.example",
        TOOLBRIDGE_HOST="0.0.0.0",
    )
    process.environment = {
        name: value for name, value in process.environment.items() if not name.startswith("JWT_")
    }
    with running(process):
        document = httpx.get(
            f"{process.url}/.well-known/oauth-authorization-server",
            headers={"Host": "tenant.example"},
            trust_env=False,
        ).json()
    assert document["issuer"] == "https://tenant.example"
