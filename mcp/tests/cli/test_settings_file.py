"""The file of settings in a checkout."""

import os
from pathlib import Path

import pytest

from toolbridge_mcp.cli import settings_file
from toolbridge_mcp.cli.failures import Failure, WrongUsage

MADE = ("TENANT_ID", "TENANT_HEADER_SECRET", "JWT_HS256_SECRET")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings"
    monkeypatch.setattr(os, "environ", {"TOOLBRIDGE_ENV_FILE": str(path)})
    return path


def test_the_secrets_are_made_once(file: Path) -> None:
    settings_file.complete()
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.environ["TENANT_ID"] == "dev"
    assert len(os.environ["TENANT_HEADER_SECRET"]) == len(os.environ["JWT_HS256_SECRET"]) == 64
    settings_file.complete()
    assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir()] == ["settings"]


def test_what_the_file_has_is_kept(file: Path) -> None:
    file.write_text("# mine\nTENANT_ID=acme\nOTHER=x")
    settings_file.complete()
    assert file.read_text().startswith("# mine\nTENANT_ID=acme\nOTHER=x\nTENANT_HEADER_SECRET=")
    assert os.environ["TENANT_ID"] == "acme"


def test_nothing_is_made_for_what_the_environment_has(file: Path) -> None:
    os.environ |= dict.fromkeys(MADE, "given")
    settings_file.complete()
    assert not file.exists()


def test_the_environment_wins(file: Path) -> None:
    file.write_text("TENANT_ID=file\nAPI_PORT=1\n")
    os.environ["TENANT_ID"] = "environment"
    settings_file.load()
    assert os.environ["TENANT_ID"] == "environment"
    assert os.environ["API_PORT"] == "1"


def test_a_missing_file_is_an_empty_one(file: Path) -> None:
    before = dict(os.environ)
    settings_file.load()
    assert os.environ == before
    assert not file.exists()


def test_values_are_taken_as_they_are(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfA=1\r\n\r\nB=a b=$A`id`#c\r\nC='quoted # text'\nD=\n")
    settings_file.load()
    assert {name: os.environ[name] for name in "ABCD"} == {
        "A": "1",
        "B": "a b=$A`id`#c",
        "C": "quoted # text",
        "D": "",
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_file_of_any_editor_is_read(file: Path, mark: str, end: str) -> None:
    lines = ["# mine", "TENANT_ID=acme", "export API_PORT=1", "B = 'two words'", 'C="x"', "  D=1  # why", ""]
    file.write_bytes((mark + end.join(lines)).encode())
    settings_file.complete()
    expected = {"TENANT_ID": "acme", "API_PORT": "1", "B": "two words", "C": "x", "D": "1"}
    assert {name: os.environ[name] for name in expected} == expected
    settings_file.complete()
    assert file.read_text(encoding="utf-8").count("TENANT_ID=") == 1


def test_a_byte_order_mark_before_a_setting_is_no_part_of_its_name(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfTENANT_ID=acme\n")
    settings_file.complete()
    assert os.environ["TENANT_ID"] == "acme"
    assert "TENANT_ID=dev" not in file.read_text()


@pytest.mark.parametrize("content", ["TENANT_ID=acme\n".encode("utf-16"), b"TENANT_ID=\xff\n"])
def test_a_file_that_is_not_utf_8_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(WrongUsage, match="save it as UTF-8"):
        settings_file.load()


def test_a_file_that_cannot_be_read_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(Failure, match="cannot be read"):
        settings_file.load()


@pytest.mark.parametrize("line", ["TENANT_ID", "TENANT ID=x", "A='open", "=x"])
def test_a_line_that_is_no_setting_is_named(file: Path, line: str) -> None:
    file.write_text(f"A=1\n\n\n{line}\n")
    with pytest.raises(WrongUsage, match=f"Line 4 of {file} is not NAME=value"):
        settings_file.load()


def test_a_folder_that_cannot_be_written_is_named(file: Path) -> None:
    file.write_text("a file where a folder is expected")
    os.environ["TOOLBRIDGE_ENV_FILE"] = str(file / "settings")
    with pytest.raises(Failure, match="make its folder writable"):
        settings_file.complete()


KEY_SET = "https://id.example/keys"


@pytest.mark.parametrize("source", ["SECRET", "KEYS", "KEYS_FILE"])
@pytest.mark.parametrize("in_file", [True, False])
def test_no_secret_is_made_beside_the_gateways_own_keys(file: Path, source: str, in_file: bool) -> None:
    """A secret of which the gateway knows nothing would let the API start and refuse it."""
    given = {f"TOOLBRIDGE_{use}_{source}": "given" for use in ("TENANT_HEADER", "JWT_HS256")}
    if in_file:
        file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    else:
        os.environ |= given
    settings_file.complete()
    made = {name for name in os.environ if "TENANT_HEADER" in name or "JWT_" in name}
    assert made == given.keys()
    assert os.environ["TENANT_ID"] == "dev"


@pytest.mark.parametrize("name", ["JWT_JWKS_URL", "TOOLBRIDGE_JWT_JWKS_URL"])
@pytest.mark.parametrize("in_file", [True, False])
def test_a_key_set_takes_the_place_of_the_key_for_tokens(file: Path, name: str, in_file: bool) -> None:
    if in_file:
        file.write_text(f"{name}={KEY_SET}\n")
    else:
        os.environ[name] = KEY_SET
    settings_file.complete()
    assert os.environ[name] == KEY_SET
    assert "JWT_HS256_SECRET" not in os.environ
    assert "JWT_HS256_SECRET" not in file.read_text()


@pytest.mark.parametrize(
    ("wins", "loses"),
    [
        ("JWT_JWKS_URL", "JWT_HS256_SECRET"),
        ("JWT_HS256_SECRET", "JWT_JWKS_URL"),
        ("JWT_HS256_KEYS", "JWT_HS256_SECRET"),
        ("TOOLBRIDGE_JWT_HS256_KEYS_FILE", "JWT_HS256_SECRET"),
    ],
)
def test_how_tokens_are_verified_is_said_in_one_place(file: Path, wins: str, loses: str) -> None:
    file.write_text(f"TENANT_ID=acme\nTENANT_HEADER_SECRET=x\n{loses}=file\n")
    os.environ[wins] = "environment"
    settings_file.complete()
    assert loses not in os.environ


@pytest.mark.parametrize("kind", ["KEYS", "KEYS_FILE"])
def test_no_secret_is_made_beside_lists_of_keys(file: Path, kind: str) -> None:
    lists = {f"TENANT_HEADER_{kind}": "given", f"JWT_HS256_{kind}": "given"}
    os.environ |= lists
    settings_file.complete()
    assert "SECRET" not in file.read_text()
    file.write_text("TENANT_ID=acme\nTENANT_HEADER_SECRET=file\nJWT_HS256_SECRET=file\n")
    settings_file.load()
    assert [name for name in os.environ if "_SECRET" in name] == []


def test_an_api_that_runs_already_has_its_own_secrets(file: Path) -> None:
    file.write_text("TOOLBRIDGE_GO_API_BASE_URL=http://127.0.0.1:9\n")
    settings_file.complete()
    assert file.read_text() == "TOOLBRIDGE_GO_API_BASE_URL=http://127.0.0.1:9\n"
    assert not os.environ.keys() & set(MADE)


def test_one_setting_is_changed_and_nothing_else(file: Path) -> None:
    before, after = "# mine\nTENANT_ID=acme\n\nexport ", "OTHER='two words'\n"
    file.write_text(f"{before}TENANT_HEADER_SECRET='old' # why\n{after}")
    settings_file.change("TENANT_HEADER_SECRET", "new")
    assert file.read_text() == f"{before}TENANT_HEADER_SECRET=new\n{after}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["settings"]


@pytest.mark.parametrize("value", ["a#b", "a'b\\c", '"quoted"', "$HOME", "x" * 64, "=+/"])
def test_a_changed_value_is_read_as_it_was_given(file: Path, value: str) -> None:
    file.write_text("A=1\nTENANT_HEADER_SECRET=old\nB=2\n")
    settings_file.change("TENANT_HEADER_SECRET", value)
    assert settings_file.stored("TENANT_HEADER_SECRET") == value
    assert (settings_file.stored("A"), settings_file.stored("B")) == ("1", "2")


def test_the_last_of_several_lines_counts_after_a_change(file: Path) -> None:
    file.write_text("A=1\nA=2\n")
    settings_file.change("A", "3")
    assert file.read_text() == "A=3\nA=3\n"
