"""`toolbridge tenant user`, `client` and `sign-in` run in the container. The stand-in of Fly.io has a machine
with the real API."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.tenant.test_tenant import Operator
from tests.harness.processes import Process, api_process, running

APP = "https://toolbridge-acme.fly.dev"
CONSOLE = "ssh console --app toolbridge-acme --machine m1 --quiet --pty=false --command"


@pytest.fixture
def operator(tmp_path: Path, api_binary: Path) -> Operator:
    return Operator(tmp_path, api_binary)


@pytest.fixture
def machine(operator: Operator, tmp_path: Path, api_binary: Path) -> Iterator[Process]:
    """A tenant that is deployed, with its API. The stand-in gives commands the environment of Fly.io's."""
    operator("new", "acme", "--sign-in")
    operator("deploy", "acme")
    keys = {"TENANT_ID": "acme", "TENANT_HEADER_KEYS": operator.secrets["TENANT_HEADER_KEYS"]}
    with running(api_process(api_binary, tmp_path, LOGIN="embedded", TENANT_SIGNATURES="v2", **keys)) as api:
        operator.environment |= {
            **keys,
            "TOOLBRIDGE_ENV_FILE": "/dev/null",
            "TOOLBRIDGE_LOGIN": "embedded",
            "TOOLBRIDGE_PUBLIC_URL": APP,
            "API_PORT": str(api.port),
        }
        yield api


def test_a_new_tenant_with_a_sign_in_needs_no_secret_for_tokens(operator: Operator) -> None:
    said = operator("new", "acme", "--sign-in")
    assert "toolbridge tenant deploy acme --invite NAME" in said
    assert operator.secrets.keys() == {"TENANT_HEADER_KEYS"}
    environment = operator.fly_toml("acme")["env"]
    assert (environment["TOOLBRIDGE_LOGIN"], environment["TOOLBRIDGE_PUBLIC_URL"]) == ("embedded", APP)
    assert not (operator.tenants / "acme/jwt-secret").exists()


def test_a_sign_in_and_an_identity_provider_exclude_each_other(operator: Operator) -> None:
    code, said = operator.tries(
        *("new", "acme", "--sign-in", "--jwks-url", "https://id.example/keys"),
        *("--issuer", "https://id.example", "--audience", "acme"),
    )
    assert code == 2
    assert "exclude each other" in said


def test_the_first_user_is_invited_by_the_deployment(operator: Operator, machine: Process) -> None:
    assert machine.url
    said = operator("deploy", "acme", "--invite", "Ann O'Neill")
    assert re.search(rf"^Ann O'Neill\t{APP}/invitation\?token=tbl_[\w-]{{43}}$", said, re.MULTILINE)


def test_each_command_runs_in_the_container(operator: Operator, machine: Process) -> None:
    assert machine.url
    said = operator("user", "add", "acme", "ann", "--shown", "Ann Lee", "--subject", "-1")
    assert f"ann\t{APP}/invitation?token=tbl_" in said
    assert operator.calls[-1].startswith(f"{CONSOLE} 'toolbridge user add ")
    assert "Ann Lee" in operator("user", "list", "acme")
    assert '"subject": "-1"' in operator("user", "list", "acme", "--json")
    code, said = operator.tries("user", "remove", "acme", "ann")
    assert code == 1
    assert "needs --yes" in said
    operator("user", "remove", "acme", "ann", "--yes")
    assert "tbk_" in operator("client", "add", "acme", "nightly", "--write")
    assert "read write" in operator("client", "list", "acme")
    assert "signing" in operator("sign-in", "rotate-key", "acme", "--withdraw")


def test_a_dry_run_prints_the_command_of_the_container(operator: Operator) -> None:
    operator("new", "acme", "--sign-in")
    said = operator("user", "add", "acme", "--dry-run", "--shown", "Ann Lee", "ann")
    assert "toolbridge user add '\"'\"'--shown=Ann Lee'\"'\"' -- ann" in said
    assert "MACHINE" in said


def test_a_tenant_without_a_sign_in_says_how_to_get_one(operator: Operator) -> None:
    operator("new", "acme")
    for arguments in (("user", "add", "acme", "ann"), ("deploy", "acme", "--invite", "ann")):
        code, said = operator.tries(*arguments)
        assert code == 2
        assert 'set TOOLBRIDGE_LOGIN = "embedded" under [env]' in said
    assert not any(call.startswith("deploy") for call in operator.calls)


def test_the_key_of_its_tokens_has_a_command_of_its_own(operator: Operator) -> None:
    operator("new", "acme", "--sign-in")
    code, said = operator.tries("rotate-secret", "acme", "--use", "token")
    assert code == 2
    assert "`toolbridge tenant sign-in rotate-key acme` changes" in said


def test_the_help_of_each_command_is_that_of_the_command_itself(operator: Operator) -> None:
    own = operator("user", "add", "--help")
    assert "TENANT NAME..." in own
    assert "--subject TEXT" in own
