"""The rules are correct, and fire when they should, as promtool says."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.grafana.rules import FILE, FOLDER, TESTS, hurried
from tests.harness.programs import program

pytestmark = pytest.mark.programs


def promtool(*arguments: str | Path) -> str:
    """What it says; it must succeed."""
    done = subprocess.run(
        [program("prometheus", "promtool"), *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_correct() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", FILE)


def test_each_alert_fires_for_its_fault_and_for_no_other() -> None:
    promtool("test", "rules", TESTS)


def test_a_copy_that_does_not_wait_is_correct(tmp_path: Path) -> None:
    copy = hurried(tmp_path, {"> 3600": "> 10"})
    assert "toolbridge_keys_age_seconds > 10 or" in copy.read_text()
    assert not re.search(r"\dm\b", copy.read_text())
    promtool("check", "rules", copy)


def test_the_configuration_on_the_page_is_correct(tmp_path: Path) -> None:
    """The first example; the others ask services for targets, which the tests' Prometheus does not know."""
    _, _, after = (FOLDER / "README.md").read_text().partition("```yaml\n")
    (tmp_path / "prometheus.yml").write_text(after.partition("```")[0])
    (tmp_path / "alerts.yml").write_text(FILE.read_text())
    promtool("check", "config", tmp_path / "prometheus.yml")
