"""`toolbridge connect`: what it prints can be pasted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.harness.processes import SECRETS
from toolbridge_mcp.cli.connect import CLIENTS
from toolbridge_mcp.cli.main import CLIENT_NAMES, toolbridge

URL = "http://127.0.0.1:8123"


def connect(folder: Path, *arguments: str, **settings: str | None) -> Result:
    environment = {
        **SECRETS,
        "TOOLBRIDGE_ENV_FILE": str(folder / "env"),
        "TOOLBRIDGE_DATA_DIR": str(folder),
        "TOOLBRIDGE_PORT": "8123",
        "TOOLBRIDGE_TOKEN": None,
        "TOOLBRIDGE_PUBLIC_URL": None,
        "JWT_ISSUER": None,
        **settings,
    }
    result = CliRunner().invoke(toolbridge, ["connect", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    return result


def test_every_client_is_a_choice() -> None:
    assert set(CLIENT_NAMES) == set(CLIENTS)


@pytest.mark.parametrize("name", CLIENT_NAMES)
def test_standard_output_is_the_configuration_alone(tmp_path: Path, name: str) -> None:
    result = connect(tmp_path, name, "--token", "a.b.c")
    assert result.stdout.strip() == CLIENTS[name].configuration(URL, "a.b.c")
    assert f"{URL}/mcp" in result.stdout
    assert CLIENTS[name].place in result.stderr
    assert "a.b.c" in result.output, "a client that asks for the token needs to be given it"


@pytest.mark.parametrize("name", ["vscode", "claude-desktop", "cursor"])
def test_the_configuration_of_a_file_is_json(tmp_path: Path, name: str) -> None:
    assert json.loads(connect(tmp_path, name).stdout)


def test_a_token_is_made_for_a_user(tmp_path: Path) -> None:
    assert "Bearer eyJ" in connect(tmp_path, "claude-code", "--user", "ann").stdout


def test_the_public_address_comes_before_this_machines(tmp_path: Path) -> None:
    public = "https://tenant.example/prefix"
    assert f" {public}/mcp " in connect(tmp_path, "claude-code", TOOLBRIDGE_PUBLIC_URL=public + "/").stdout
    given = connect(tmp_path, "claude-code", "--url", "https://other.example/", TOOLBRIDGE_PUBLIC_URL=public)
    assert " https://other.example/mcp " in given.stdout


def test_without_a_client_all_the_usual_ones_are_shown(tmp_path: Path) -> None:
    shown = connect(tmp_path, "--token", "a.b.c").stdout
    for name in ("claude-code", "vscode", "claude-desktop"):
        assert CLIENTS[name].configuration(URL, "a.b.c") in shown
    assert f"{URL}/mcp\n" in shown
    assert f"{URL}/sse " in shown


def test_a_token_goes_to_no_address_in_clear_text() -> None:
    result = CliRunner().invoke(toolbridge, ["connect", "vscode", "--url", "http://tools.example"])
    assert result.exit_code == 2
    assert "must be an address with https" in result.stderr
