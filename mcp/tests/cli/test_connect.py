"""`toolbridge connect`: what it prints can be pasted."""

import json
import re
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
    assert f" {public}/mcp\n" in connect(tmp_path, "claude-code", TOOLBRIDGE_PUBLIC_URL=public + "/").stdout
    given = connect(tmp_path, "claude-code", "--url", "https://other.example/", TOOLBRIDGE_PUBLIC_URL=public)
    assert " https://other.example/mcp\n" in given.stdout


@pytest.mark.parametrize("arguments", [["--token", "a.b.c"], ["--user", "ann"]])
def test_without_a_client_all_the_usual_ones_are_shown(tmp_path: Path, arguments: list[str]) -> None:
    shown = connect(tmp_path, *arguments).stdout
    found = re.search(r"^Token +(\S+)$", shown, re.MULTILINE)
    assert found
    for name in ("claude-code", "vscode", "claude-desktop"):
        assert CLIENTS[name].configuration(URL, found[1]) in shown
    assert f"{URL}/mcp\n" in shown
    assert f"{URL}/sse " in shown
    assert "/sign-in" not in shown


@pytest.mark.parametrize("name", CLIENT_NAMES)
def test_where_users_sign_in_a_client_gets_no_token(tmp_path: Path, name: str) -> None:
    result = connect(tmp_path, name)
    assert result.stdout.strip() == CLIENTS[name].configuration(URL, None)
    assert f"{URL}/mcp" in result.stdout
    assert "opens the page" in result.stderr
    for word in ("Bearer", "eyJ", "AUTH_HEADER", "TOOLBRIDGE_TOKEN", "TOKEN"):
        assert word not in result.output


def test_where_users_sign_in_the_page_shows_that_first_and_the_token_beside(tmp_path: Path) -> None:
    shown = connect(tmp_path).stdout
    assert shown.index(f"{URL}/sign-in") < shown.index("eyJ")
    for name in ("claude-code", "vscode", "claude-desktop"):
        assert CLIENTS[name].configuration(URL, None) in shown
    assert "connect CLIENT --user dev" in shown


ELSEWHERE = [
    {"TOOLBRIDGE_LOGIN": "provider"},
    {"TOOLBRIDGE_GO_API_BASE_URL": "http://127.0.0.1:8081"},
    {"TOOLBRIDGE_HOST": "0.0.0.0"},
    {"TENANT_SIGNATURES": "v1"},
]


@pytest.mark.parametrize("settings", ELSEWHERE, ids=[next(iter(one)) for one in ELSEWHERE])
def test_where_nobody_signs_in_a_client_gets_a_token(tmp_path: Path, settings: dict[str, str]) -> None:
    assert "Bearer eyJ" in connect(tmp_path, "claude-code", **settings).stdout


def test_with_an_identity_provider_its_name_is_shown(tmp_path: Path) -> None:
    settings = {
        "JWT_HS256_SECRET": None,
        "JWT_JWKS_URL": "https://id.example/keys",
        "JWT_ISSUER": "https://id",
    }
    result = connect(tmp_path, "claude-code", **settings)
    assert "Bearer TOKEN" in result.stdout
    assert "from your identity provider (https://id)" in result.stderr


def test_with_a_proxy_users_sign_in_at_the_provider(tmp_path: Path) -> None:
    settings = {
        "TOOLBRIDGE_LOGIN": "proxy",
        "JWT_HS256_SECRET": None,
        "JWT_JWKS_URL": "https://id.example/keys",
        "JWT_ISSUER": "https://id",
    }
    shown = connect(tmp_path, **settings).stdout
    assert "Sign in      at your identity provider (https://id)" in shown
    assert CLIENTS["vscode"].configuration(URL, None) in shown
    for word in ("user add", "in place of", "/sign-in"):
        assert word not in shown


def test_a_public_address_lets_users_sign_in_on_every_address(tmp_path: Path) -> None:
    settings = {"TOOLBRIDGE_HOST": "0.0.0.0", "TOOLBRIDGE_PUBLIC_URL": "https://tenant.example"}
    assert "Bearer" not in connect(tmp_path, "claude-code", **settings).output


def test_a_token_goes_to_no_address_in_clear_text() -> None:
    result = CliRunner().invoke(toolbridge, ["connect", "vscode", "--url", "http://tools.example"])
    assert result.exit_code == 2
    assert "must be an address with https" in result.stderr
