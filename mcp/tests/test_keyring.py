"""The secrets of one use, and files with them that change."""

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.keyring import (
    DAY_SECONDS,
    LOOK_SECONDS,
    MAX_FILE_BYTES,
    Keyring,
    WrongKeys,
    parse,
)

SECRET = "0123456789abcdef0123456789abcdef"
LISTS: list[dict[str, Any]] = json.loads(
    (REPOSITORY / "api/internal/keyring/testdata/keys.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("row", LISTS, ids=lambda row: row["name"])
def test_lists_are_read_as_the_api_reads_them(row: dict[str, Any]) -> None:
    if "error" in row:
        with pytest.raises(WrongKeys) as refused:
            parse(row["text"])
        assert str(refused.value) == row["error"]
        return
    found = [[key.id, str(key.made), key.secret.decode()] for key in parse(row["text"])]
    assert found == row["keys"]


K1, K2, K3 = (f"k{number}:2026-01-31:{number}{SECRET}" for number in (1, 2, 3))


def ids(ring: Keyring) -> list[str]:
    return [key.id for key in ring.keys]


class Watched:
    """A ring of a file, which a test looks at when it says so."""

    def __init__(self, file: Path, text: str) -> None:
        file.touch(0o600)
        file.write_text(text)
        self.ring = Keyring.of_file(str(file))

    def later(self) -> list[str]:
        """The ids of the keys as they are after two looks."""
        self.ring.look("tenant")
        self.ring.look("tenant")
        return ids(self.ring)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    assert (watched.later(), watched.ring.generation) == (["k1"], 0)
    file.write_text(f"{K2}\n{K1}")
    assert (watched.later(), watched.ring.generation) == (["k2", "k1"], 1)


def test_the_age_of_a_key_is_counted_from_the_beginning_of_its_day() -> None:
    (key,) = parse(K1)
    noon = datetime(2026, 2, 2, 12, tzinfo=UTC).timestamp()
    assert (key.age_seconds(noon), key.age_days(noon)) == (60 * 3600, 2)
    assert key.age_days(noon - 10 * DAY_SECONDS) == 0, "a clock may be behind"
    (bare,) = Keyring.of_secret(SECRET).keys
    assert (bare.age_seconds(noon), bare.age_days(noon)) == (None, None)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_may_read_is_used_and_warned_about_once(
    tmp_path: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.touch(0o600)
    watched = Watched(file, K1)
    watched.later()
    assert caplog.records == []
    file.chmod(mode)
    for _ in range(3):
        assert watched.later() == ["k1"]
    assert [line.levelname for line in caplog.records] == ["WARNING"] * warned


def test_a_change_is_in_use_within_a_second() -> None:
    assert 2 * LOOK_SECONDS < 0.75


def test_other_comments_and_times_are_no_change_of_the_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    file.write_text(f"# the first\n{K1}\n")
    assert watched.later() == ["k1"]
    file.touch()
    file.chmod(0o400)
    assert watched.later() == ["k1"]
    assert (watched.ring.generation, caplog.records) == (0, [])


def test_a_file_that_is_being_written_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each beginning is a list of its own, with fewer keys or a part of a secret."""
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    text = f"{K2}\n{K1}\n{K3}"
    with file.open("w") as writer:
        for character in text:
            watched.ring.look("tenant")
            writer.write(character)
            writer.flush()
            assert ids(watched.ring) == ["k1"]
    assert watched.later() == ["k2", "k1", "k3"]
    assert [line.getMessage() for line in caplog.records] == []


def _rewritten(file: Path, text: str) -> None:
    file.write_text(text)


def _replaced(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(0o600)
    fresh.write_text(text)
    fresh.replace(file)


def _made_again(file: Path, text: str) -> None:
    file.unlink()
    file.touch(0o600)
    file.write_text(text)


def _written_with_an_old_time(file: Path, text: str) -> None:
    """As a copy may that keeps times: size and time of the file stay the same."""
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("write", [_rewritten, _replaced, _made_again, _written_with_an_old_time])
def test_it_may_be_changed_in_any_way(tmp_path: Path, write: Callable[[Path, str], None]) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    write(file, K2)
    assert watched.later() == ["k2"]


def test_changes_are_read_that_leave_times_and_size_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two within one second do, on a disk that counts in seconds."""

    def timeless(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        return lambda *asked, **how: os.stat_result((*look(*asked, **how)[:7], 0, 0, 0))

    monkeypatch.setattr(os, "stat", timeless(os.stat))
    monkeypatch.setattr(os, "fstat", timeless(os.fstat))
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    for name, text in (("k2", K2), ("k3", K3)):
        file.write_text(text)
        assert watched.later() == [name]


def test_it_may_be_a_link_that_is_moved(tmp_path: Path) -> None:
    """As Kubernetes moves the folder with all secrets of a volume at once."""
    for name, text in (("old", K1), ("new", K2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(text)
    current, file = tmp_path / "current", tmp_path / "keys"
    current.symlink_to("old")
    file.symlink_to("current/keys")
    ring = Keyring.of_file(str(file))
    (tmp_path / "fresh").symlink_to("new")
    (tmp_path / "fresh").replace(current)
    ring.look("tenant")
    ring.look("tenant")
    assert ids(ring) == ["k2"]


def _wrong(file: Path) -> None:
    file.write_text("k2:2026-02-01:short")


def _empty(file: Path) -> None:
    file.write_text("")


def _too_large(file: Path) -> None:
    file.write_text("# " + "x" * MAX_FILE_BYTES)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


BREAKAGES = (Path.unlink, _wrong, _empty, _too_large, _folder, _pipe)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.__name__)
def test_a_file_that_cannot_be_used_leaves_the_known_keys_in_use(
    tmp_path: Path, breakage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    breakage(file)
    for _ in range(3):
        assert watched.later() == ["k1"]
    assert watched.ring.generation == 0
    assert watched.ring.problem
    assert "short" not in watched.ring.problem
    assert [line.levelname for line in caplog.records] == ["ERROR"], "said once"
    opened = len(list(Path("/dev/fd").iterdir()))
    watched.later()
    assert len(list(Path("/dev/fd").iterdir())) == opened
    if file.is_dir():
        file.rmdir()
    _replaced(file, K3)
    assert (watched.later(), watched.ring.problem) == (["k3"], "")


def test_a_file_is_read_again_when_its_disk_can_be_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the file need change for that."""

    def fails(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = tmp_path / "keys"
    watched = Watched(file, K1)
    with monkeypatch.context() as broken:
        broken.setattr("toolbridge_mcp.keyring.os.open", fails)
        file.write_text(K2)
        assert watched.later() == ["k1"]
        assert watched.ring.problem == "cannot be read (Input/output error)"
    assert (watched.later(), watched.ring.problem) == (["k2"], "")


def test_each_new_problem_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    for breakage in (_wrong, _empty, _wrong):
        breakage(file)
        watched.later()
    file.write_text(K1)
    watched.later()
    _wrong(file)
    watched.later()
    assert [line.levelname for line in caplog.records] == ["ERROR"] * 4


def test_a_look_that_tells_nothing_leaves_the_problem_to_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    watched = Watched(file, K1)
    _wrong(file)
    watched.ring.look("tenant", at_once=True, tells=False)
    assert (bool(watched.ring.problem), caplog.records) == (True, [])
    watched.ring.look("tenant", at_once=True)
    assert [line.levelname for line in caplog.records] == ["ERROR"]


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(parse(K1))


def test_a_file_that_is_missing_at_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongKeys, match="cannot be read"):
        Keyring.of_file(str(tmp_path / "none"))
