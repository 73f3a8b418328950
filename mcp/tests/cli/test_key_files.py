"""The files with the keys of the stack on this machine."""

from datetime import date
from pathlib import Path

import pytest

from toolbridge_mcp.cli import key_files
from toolbridge_mcp.cli.given_keys import ring_of
from toolbridge_mcp.cli.key_files import Keys, adopt, free_id, in_place_of_secrets, today
from toolbridge_mcp.keyring import Key, Keyring
from toolbridge_mcp.uses import TENANT, TOKEN, Use

SECRET, OTHER = "s" * 40, "o" * 40
BARE = {"TENANT_HEADER_SECRET": SECRET, "JWT_HS256_SECRET": OTHER, "TENANT_ID": "acme"}
DAY = date(2026, 11, 28)
LIST = f"k2:2026-11-28:{OTHER},k1:2026-11-28:{SECRET}"


def key(name: str, secret: str) -> Key:
    return Key(name, DAY, secret.encode())


def test_bare_secrets_become_files_that_only_their_owner_can_read(tmp_path: Path) -> None:
    made = in_place_of_secrets(BARE, tmp_path)
    files = {"TENANT_HEADER_KEYS_FILE": "tenant", "JWT_HS256_KEYS_FILE": "token"}
    named = {name: str(tmp_path / "keys" / use) for name, use in files.items()}
    assert made == {"TENANT_ID": "acme", **named}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for name, secret in (("tenant", SECRET), ("token", OTHER)):
        file = tmp_path / "keys" / name
        assert file.stat().st_mode & 0o777 == 0o600
        (only,) = Keyring.of_file(str(file)).keys
        assert (only.id, only.made, only.secret) == (f"k{today()}", today(), secret.encode())
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == ["tenant", "token"]


def test_a_file_stays_as_long_as_it_has_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "keys/tenant"
    key_files.write(file, Keys((key("k2", OTHER), key("k1", SECRET)), "switched", DAY))
    before = file.read_text(), file.stat().st_ino
    in_place_of_secrets(BARE, tmp_path)
    assert (file.read_text(), file.stat().st_ino) == before
    in_place_of_secrets({**BARE, "TENANT_HEADER_SECRET": "n" * 40}, tmp_path)
    assert [one.secret for one in key_files.read(file).keys] == [b"n" * 40]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe", b"k1:2026-11-28:short"])
def test_a_file_that_cannot_be_used_is_made_anew(tmp_path: Path, content: bytes) -> None:
    in_place_of_secrets(BARE, tmp_path)
    (tmp_path / "keys/tenant").write_bytes(content)
    in_place_of_secrets(BARE, tmp_path)
    assert key_files.read(tmp_path / "keys/tenant").has(SECRET)


@pytest.mark.parametrize(
    "given",
    [
        {"TENANT_HEADER_KEYS": f"k1:2026-11-28:{SECRET}"},
        {"TENANT_HEADER_KEYS_FILE": "/nowhere"},
        {"TENANT_HEADER_SECRET": SECRET, "TOOLBRIDGE_TENANT_HEADER_SECRET": OTHER},
        {"TENANT_HEADER_SECRET": "short"},
        {"TENANT_HEADER_SECRET": "with,comma" * 4},
        {"TENANT_HEADER_SECRET": "with space" * 4},
        {"TENANT_HEADER_SECRET": "ü" * 40},
        {"JWT_JWKS_URL": "https://id.example/keys"},
        {"JWT_JWKS_URL": "https://id.example/keys", "JWT_HS256_SECRET": SECRET},
        {"JWT_HS256_KEYS": f"k1:2026-11-28:{SECRET}"},
        {"TOOLBRIDGE_JWT_HS256_SECRET": SECRET},
    ],
)
def test_what_the_operator_decides_himself_is_left_alone(tmp_path: Path, given: dict[str, str]) -> None:
    assert in_place_of_secrets(given, tmp_path) == given
    assert list(tmp_path.iterdir()) == []


def test_a_command_learns_what_the_stack_knows(tmp_path: Path) -> None:
    bare = {**BARE, "TOOLBRIDGE_DATA_DIR": str(tmp_path)}
    environment = dict(bare)
    adopt(environment)
    assert environment == bare
    made = in_place_of_secrets(bare, tmp_path)
    adopt(environment)
    assert environment == made
    other = {**bare, "TENANT_HEADER_SECRET": "n" * 40}
    adopt(other)
    assert other["TENANT_HEADER_SECRET"] == "n" * 40


def test_the_key_of_an_api_elsewhere_keeps_the_id_that_it_has_there(tmp_path: Path) -> None:
    in_place_of_secrets({**BARE, "TOOLBRIDGE_GO_API_BASE_URL": "https://api.example"}, tmp_path)
    assert [one.id for one in key_files.read(tmp_path / "keys/tenant").keys] == ["default"]


def test_how_far_a_rotation_is_stays_in_the_file(tmp_path: Path) -> None:
    for keys in (
        Keys((key("k1", SECRET), key("k2", OTHER)), "added", DAY),
        Keys((key("k2", OTHER), key("k1", SECRET)), "switched", DAY),
        Keys((key("k2", OTHER),)),
    ):
        key_files.write(tmp_path / "keys/token", keys)
        assert key_files.read(tmp_path / "keys/token") == keys


def test_ids_of_one_day_differ() -> None:
    first = free_id((), DAY)
    second = free_id([key(first, SECRET)], DAY)
    assert (first, second) == ("k2026-11-28", "k2026-11-28-2")
    assert free_id([key(first, SECRET), key(second, OTHER)], DAY) == "k2026-11-28-3"
    assert free_id([key(second, OTHER)], DAY) == "k2026-11-28-3", "the first is gone, and does not come back"
    assert free_id([key("k2026-11-27-9", OTHER), key("k2026-11-28-x", SECRET)], DAY) == first


def test_what_a_killed_command_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/.tenant.abc").write_text(SECRET)
    in_place_of_secrets(BARE, tmp_path)
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == ["tenant", "token"]


def test_the_folder_is_closed_to_others_again(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    in_place_of_secrets(BARE, tmp_path)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("use", "settings", "first"),
    [
        (TOKEN, {"JWT_HS256_SECRET": SECRET}, SECRET),
        (TOKEN, {"JWT_HS256_KEYS": LIST}, OTHER),
        (TOKEN, {"JWT_HS256_SECRET": SECRET, "TOOLBRIDGE_JWT_HS256_SECRET": OTHER}, OTHER),
        (TENANT, {"TOOLBRIDGE_TENANT_HEADER_KEYS_FILE": "list"}, OTHER),
        (TENANT, {}, None),
    ],
)
def test_the_first_key_of_a_list_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Use, settings: dict[str, str], first: str | None
) -> None:
    (tmp_path / "list").write_text(LIST)
    monkeypatch.chdir(tmp_path)
    ring = ring_of(use, settings)
    assert (ring and ring.first.secret.decode()) == first
