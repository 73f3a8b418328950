"""The alerts of docs/grafana/alerts.yml."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.harness.processes import REPOSITORY

FOLDER = REPOSITORY / "docs/grafana"
FILE = FOLDER / "alerts.yml"
TESTS = FOLDER / "alerts_test.yml"


@dataclass(frozen=True)
class Alert:
    name: str
    query: str
    severity: str
    says: dict[str, str]
    """Its annotations."""


def alerts() -> list[Alert]:
    groups: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["groups"]
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"])
        for group in groups
        for rule in group["rules"]
    ]


def names_of_tests() -> list[str]:
    """The names of the rules' own tests."""
    return [test["name"] for test in yaml.safe_load(TESTS.read_text())["tests"]]


def hurried(folder: Path, seconds: int = 10) -> Path:
    """A copy of the rules that does not wait: what looks minutes back looks that many seconds back, and
    nothing has to last."""
    text = re.sub(r"for: \w+", "for: 0s", FILE.read_text())
    file = folder / "alerts.yml"
    file.write_text(
        re.sub(r"\[(?:5m|15m|1h)\]|(?<=offset )15m", lambda found: _as_long(found[0], seconds), text)
    )
    return file


def _as_long(given: str, seconds: int) -> str:
    return f"[{seconds}s]" if given.startswith("[") else f"{seconds}s"
