"""The rings of a process: when their files are read, and what is said of their keys."""

import time
from pathlib import Path

import pytest

from toolbridge_mcp.keyring import DAY_SECONDS, LOOK_SECONDS, Keyring, parse
from toolbridge_mcp.rings import Rings

SECRET = "0123456789abcdef0123456789abcdef"


def key(name: str, made: str = "2026-01-31") -> str:
    return f"{name}:{made}:{SECRET}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(key("k1"))
    return path


def test_what_changed_before_the_start_is_read_at_once(file: Path) -> None:
    """A serving process that is replaced must not serve with older keys, not for a moment."""
    rings = Rings(Keyring.of_file(str(file)))
    file.write_text(key("k2"))
    with rings.kept():
        assert rings.tenant.first.id == "k2"


def test_changes_are_read_until_the_end(file: Path) -> None:
    rings = Rings(Keyring.of_secret(SECRET), Keyring.of_file(str(file)))
    assert rings.token
    with rings.kept():
        file.write_text(key("k2"))
        began = time.monotonic()
        while rings.token.first.id != "k2":
            assert time.monotonic() < began + 30
            time.sleep(0.01)
    file.write_text(key("k3"))
    time.sleep(6 * LOOK_SECONDS)
    assert rings.token.first.id == "k2", "nobody looks any more"


NOON = 1_777_809_600
"""2026-05-03, noon in UTC: 92 days and a half after the last of January."""


def test_ages_and_warnings_name_no_more_than_ids() -> None:
    keys = parse(f"{key('k2', '2026-02-02')} {key('k1')}")
    rings = Rings(Keyring(keys), Keyring.of_secret(SECRET))
    assert rings.described(NOON) == "tenant k2 90 days, k1 92 days; token default of unknown age"
    assert rings.warnings(NOON) == [
        "The tenant key k2 is 90 days old; change it as docs/runbook.md says under Rotating secrets.",
        "The tenant key k1 is 92 days old; change it as docs/runbook.md says under Rotating secrets.",
    ]
    assert rings.warnings(NOON - 3 * DAY_SECONDS) == []
    assert [labels for labels, _ in rings.ages()] == [("tenant", "k2"), ("tenant", "k1")]


def test_a_file_that_cannot_be_used_is_a_warning(file: Path) -> None:
    rings = Rings(Keyring.of_file(str(file)))
    assert rings.problems() == [(("tenant",), 0.0)]
    file.write_text("k1:2026-01-31:short")
    rings.look(at_once=True)
    assert rings.problems() == [(("tenant",), 1.0)]
    assert rings.warnings(0) == [
        "The file with the tenant keys cannot be used, so the known keys stay in use; the log says why."
    ]
