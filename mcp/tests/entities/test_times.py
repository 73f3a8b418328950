"""Dates and times: which texts are some, and when they are."""

import json

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.entities.times import in_utc

VECTORS = json.loads((REPOSITORY / "api/internal/item/testdata/times.json").read_text())
"""The API's tests read the same file: what one half takes, the other takes too."""


@pytest.mark.parametrize(("text", "moment"), VECTORS["accepted"].items())
def test_a_date_or_time_is_read(text: str, moment: str) -> None:
    assert in_utc(text) == moment
    assert in_utc(moment) == moment


@pytest.mark.parametrize(
    "text", [*VECTORS["refused"], "\ud800", "2026-01-31" * 100_000], ids=lambda text: text[:20]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="a date or time such as 2026-01-31 or 2026-01-31T09:30Z"):
        in_utc(text)
