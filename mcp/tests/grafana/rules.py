"""The alerts of docs/grafana/alerts.yml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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
    lasts: str
    """How long its query has to be true until it fires."""

    says: dict[str, str]
    """Its annotations."""


def alerts() -> list[Alert]:
    groups: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["groups"]
    return [
        Alert(
            rule["alert"],
            rule["expr"],
            rule["labels"]["severity"],
            rule.get("for", "0s"),
            rule["annotations"],
        )
        for group in groups
        for rule in group["rules"]
    ]


def names_of_tests() -> list[str]:
    """The names of the rules' own tests."""
    return [test["name"] for test in yaml.safe_load(TESTS.read_text())["tests"]]


WAITS = {"5m": "10s", "15m": "30s", "1h": "30s"}
"""How far back a copy of the rules looks that does not wait."""


def hurried(folder: Path, replaced: Mapping[str, str] = MappingProxyType({})) -> Path:
    """A copy of the rules that looks less far back, and for which nothing has to last. Other parts of it can
    be replaced, too."""
    text = re.sub(r"for: \w+", "for: 0s", FILE.read_text())
    text = re.sub(r"(\[|offset )(\d+[mh])", lambda found: found[1] + WAITS[found[2]], text)
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    file = folder / "alerts.yml"
    file.write_text(text)
    return file
