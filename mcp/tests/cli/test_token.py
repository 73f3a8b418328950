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


KEYS = f"k2:2026-02-01:{JWT_HS256_SECRET} k1:2026-01-31:another-secret-of-at-least-thirty-two-bytes"
WITHOUT: Mapping[str, str | None] = {**SETTINGS, "JWT_HS256_SECRET": None}


@pytest.mark.parametrize("prefix", ["", "TOOLBRIDGE_"])
@pytest.mark.parametrize("in_file", [True, False], ids=["file", "list"])
def test_the_first_key_of_a_list_signs_and_is_named(tmp_path: Path, prefix: str, in_file: bool) -> None:
    (tmp_path / "keys").write_text(KEYS)
    given = {"JWT_HS256_KEYS_FILE": str(tmp_path / "keys")} if in_file else {"JWT_HS256_KEYS": KEYS}
    env = {**WITHOUT, **{f"{prefix}{name}": value for name, value in given.items()}}
    result = CliRunner().invoke(
        toolbridge, ["token"], env={**env, "TOOLBRIDGE_ENV_FILE": str(tmp_path / "env")}
    )
    assert result.exit_code == 0, result.output
    made = jwt.decode(result.stdout.strip(), OctKey.import_key(JWT_HS256_SECRET), ["HS256"])
    assert made.header == {"alg": "HS256", "typ": "JWT", "kid": "k2"}
    assert not (tmp_path / "env").exists(), "no secret is made"


def test_a_bare_secret_has_no_name(tmp_path: Path) -> None:
    made = jwt.decode(make(tmp_path).stdout.strip(), OctKey.import_key(JWT_HS256_SECRET), ["HS256"])
    assert made.header == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"JWT_HS256_KEYS": "k1:2026-01-31:short"}, "JWT_HS256_KEYS: key 1 has a secret of 5 bytes"),
        (
            {"JWT_HS256_KEYS_FILE": "/none/here"},
            "JWT_HS256_KEYS_FILE: cannot be read (No such file or directory)",
        ),
        (
            {"JWT_HS256_KEYS": KEYS, "JWT_HS256_SECRET": JWT_HS256_SECRET},
            "JWT_HS256_SECRET is set together with JWT_HS256_KEYS; remove one of them.",
        ),
        ({"TOOLBRIDGE_JWT_HS256_SECRET": "short"}, "JWT_HS256_SECRET needs at least 32 bytes"),
    ],
)
def test_keys_that_cannot_be_used_are_named(tmp_path: Path, given: dict[str, str], says: str) -> None:
    env = {**WITHOUT, "TOOLBRIDGE_ENV_FILE": str(tmp_path / "env"), **given}
    result = CliRunner().invoke(toolbridge, ["token"], env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert "thirty-two" not in result.stderr


def test_a_missing_secret_is_made(tmp_path: Path) -> None:
    environment = {"TOOLBRIDGE_ENV_FILE": str(tmp_path / "env"), "JWT_HS256_SECRET": None}
    result = CliRunner().invoke(toolbridge, ["token"], env={**SETTINGS, **environment})
    assert result.exit_code == 0
    assert "JWT_HS256_SECRET=" in (tmp_path / "env").read_text()
