"""`toolbridge token`: what the token says, and what is needed to make one."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.harness.processes import JWT_HS256_SECRET
from toolbridge_mcp.cli.main import toolbridge

SETTINGS = {
    "JWT_HS256_SECRET": JWT_HS256_SECRET,
    "TENANT_ID": "acme",
    "TENANT_HEADER_SECRET": "x" * 32,
    "JWT_ISSUER": "",
    "JWT_AUDIENCE": "",
}


def make(folder: Path, *arguments: str, **settings: str) -> Result:
    environment: Mapping[str, str] = {**SETTINGS, "TOOLBRIDGE_ENV_FILE": str(folder / "env"), **settings}
    return CliRunner().invoke(toolbridge, ["token", *arguments], env=environment)


def claims_of(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.output
    return jwt.decode(result.stdout.strip(), OctKey.import_key(JWT_HS256_SECRET), ["HS256"]).claims


def test_a_token_for_a_user(tmp_path: Path) -> None:
    claims = claims_of(make(tmp_path, "ann", "--expires", "60"))
    assert claims["sub"] == "ann"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 60
    assert set(claims) == {"sub", "exp", "iat"}


def test_a_token_names_issuer_and_audience_if_they_are_set(tmp_path: Path) -> None:
    claims = claims_of(make(tmp_path, JWT_ISSUER="https://id.example", JWT_AUDIENCE="one two"))
    assert claims["sub"] == "dev"
    assert claims["iss"] == "https://id.example"
    assert claims["aud"] == "one"


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        ([" "], {}, "name the user"),
        (["\udcff"], {}, "not valid UTF-8"),
        ([], {"JWT_HS256_SECRET": "short"}, "JWT_HS256_SECRET needs at least 32 bytes"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], says: str
) -> None:
    result = make(tmp_path, *arguments, **settings)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_missing_secret_is_made(tmp_path: Path) -> None:
    environment = {"TOOLBRIDGE_ENV_FILE": str(tmp_path / "env"), "JWT_HS256_SECRET": None}
    result = CliRunner().invoke(toolbridge, ["token"], env={**SETTINGS, **environment})
    assert result.exit_code == 0
    assert "JWT_HS256_SECRET=" in (tmp_path / "env").read_text()
