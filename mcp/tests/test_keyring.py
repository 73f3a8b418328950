"""The secrets of one use, and files with them that change."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.keyring import Keyring, WrongKeys, parse

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


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"k1:2026-01-31:{SECRET}")
    ring = Keyring.of_file(str(file))
    ring.look("tenant")
    assert (ring.first.id, ring.generation) == ("k1", 0)
    file.write_text(f"k2:2026-02-01:{SECRET.upper()}\nk1:2026-01-31:{SECRET}")
    ring.look("tenant")
    assert [key.id for key in ring.keys] == ["k2", "k1"]
    assert ring.generation == 1
    assert ring.first.age_days(date(2026, 2, 11)) == 10


def test_a_file_that_is_wrong_or_gone_leaves_the_known_keys_in_use(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"k1:2026-01-31:{SECRET}")
    ring = Keyring.of_file(str(file))
    for breakage in (lambda: file.write_text("k2:2026-02-01:short"), file.unlink):
        breakage()
        ring.look("tenant")
        assert (ring.first.id, ring.generation) == ("k1", 0)
        assert ring.problem
        assert "short" not in ring.problem
    file.write_text(f"k3:2026-02-01:{SECRET}")
    ring.look("tenant")
    assert (ring.first.id, ring.problem) == ("k3", "")


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(parse(f"k1:2026-01-31:{SECRET}"))


def test_a_file_that_is_missing_at_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongKeys, match="cannot be read"):
        Keyring.of_file(str(tmp_path / "none"))
