"""What the proxy keeps, and how."""

import asyncio
import json
import os
import time
from datetime import date
from pathlib import Path

import pytest

from tests.login.proxy.by_hand import ByHand
from tests.login.proxy.openid import CLIENT
from tests.login.proxy.world import World
from toolbridge_mcp.keyring import Key, Keyring
from toolbridge_mcp.login.proxy import folder as module
from toolbridge_mcp.login.proxy.folder import Folder, FolderSecret, WrongFolder

pytestmark = pytest.mark.anyio
OLD, NEW = b"an old secret of the tenant, 0123456789", b"a new secret of the tenant, 0123456789"


def ring(*secrets: bytes) -> Keyring:
    return Keyring(tuple(Key(f"k{number}", date(2026, 1, 1), one) for number, one in enumerate(secrets)))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, b"s" * 32)


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()]


async def test_an_entry_is_there_until_its_end(folder: Folder, tmp_path: Path) -> None:
    await folder.put("a", {"x": 1}, collection="c", ttl=30)
    value, left = await folder.ttl("a", collection="c")
    assert value == {"x": 1}
    assert left is not None
    assert 29 < left <= 30
    assert await folder.get("a", collection="other") is None
    assert await folder.delete("a", collection="c")
    assert not await folder.delete("a", collection="c")
    await folder.put("b", {}, collection="c", ttl=0.01)
    await asyncio.sleep(0.02)
    assert await folder.get("b", collection="c") is None
    await folder.purge()
    assert not files(tmp_path)


async def test_another_process_reads_it_and_another_secret_does_not(folder: Folder, tmp_path: Path) -> None:
    await folder.put("a", {"x": 1}, collection="c")
    assert await Folder(tmp_path, b"s" * 32).get("a", collection="c") == {"x": 1}
    assert await Folder(tmp_path, b"t" * 32).get("a", collection="c") is None


async def test_an_entry_in_the_place_of_another_is_none(folder: Folder, tmp_path: Path) -> None:
    await folder.put("mine", {"x": 1}, collection="c")
    (file,) = files(tmp_path)
    await folder.put("yours", {"x": 2}, collection="c")
    (other,) = set(files(tmp_path)) - {file}
    other.write_bytes(file.read_bytes())
    assert await folder.get("yours", collection="c") is None


async def test_a_damaged_file_is_no_entry(folder: Folder, tmp_path: Path) -> None:
    await folder.put("a", {"x": 1}, collection="c")
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    assert await folder.get("a", collection="c") is None


async def test_a_changed_time_of_a_file_prolongs_nothing(folder: Folder, tmp_path: Path) -> None:
    await folder.put("a", {"x": 1}, collection="c", ttl=0.01)
    (file,) = files(tmp_path)
    os.utime(file, (time.time() + 1000,) * 2)
    await asyncio.sleep(0.02)
    assert await folder.get("a", collection="c") is None


async def test_there_are_no_more_entries_than_there_may_be(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 20)
    for number in range(50):
        await folder.put(str(number), {}, collection="c", ttl=100 + number)
        assert len(files(tmp_path)) <= 20
    assert await folder.get("49", collection="c") == {}  # what expires first goes first
    for number in range(50):
        await Folder(tmp_path, b"s" * 32).put(f"again {number}", {}, collection="c", ttl=100)
    assert len(files(tmp_path)) <= 21


def test_the_secret_of_a_folder_stays_while_the_tenant_keys_change(tmp_path: Path) -> None:
    path = tmp_path / "made" / "here"
    secret = FolderSecret(path, ring(OLD)).value
    assert path.stat().st_mode & 0o077 == 0
    assert FolderSecret(path, ring(NEW, OLD)).value == secret
    assert FolderSecret(path, ring(NEW)).value == secret  # sealed again meanwhile


def test_the_secret_is_sealed_again_while_the_gateway_runs(tmp_path: Path) -> None:
    keys = ring(OLD)
    secret = FolderSecret(tmp_path, keys)
    keys.keys = ring(NEW, OLD).keys
    keys.generation += 1
    secret.look()
    assert FolderSecret(tmp_path, ring(NEW)).value == secret.value


def test_a_folder_of_somebody_else_gets_a_new_secret(tmp_path: Path) -> None:
    assert FolderSecret(tmp_path, ring(OLD)).value != FolderSecret(tmp_path, ring(NEW)).value


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongFolder, match="no folder that can be written"):
        FolderSecret(tmp_path / "file", ring(OLD))


async def test_nothing_of_a_sign_in_can_be_read(world: World, client: ByHand) -> None:
    found = await client.sign_in()
    tokens = (await client.redeem(found["code"])).json()
    await client.refresh(tokens["refresh_token"])
    kept = files(world.folder)
    assert len(kept) > 5
    everything = b"".join(str(file).encode() + file.read_bytes() for file in kept)
    for secret in (found["code"], tokens["access_token"], tokens["refresh_token"], CLIENT[1], "ann"):
        assert secret.encode() not in everything, secret
    for file in kept:
        assert file.stat().st_mode & 0o077 == 0
    assert not [line for line in world.gateway.log.read_text().splitlines() if found["code"] in line]


async def test_a_client_that_registers_leaves_nothing(world: World, client: ByHand) -> None:
    before = set(files(world.folder))
    answer = await client.register(client_name="x" * 500)
    assert answer.status_code == 201
    assert len(json.dumps(answer.json())) < 4096
    assert set(files(world.folder)) == before
