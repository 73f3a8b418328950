"""Dates and times: which texts are some, and when they are."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.entities.date_words import Words
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


NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
"""A Friday in UTC, and already Saturday in Berlin."""

BERLIN = Words(NOW, lambda: ZoneInfo("Europe/Berlin"), "should be a date")
UTC_WORDS = Words(NOW, lambda: UTC, "should be a date")
NOWHERE = Words(NOW, lambda: None, "should be a date")


@pytest.mark.parametrize(
    ("text", "in_utc", "in_berlin"),
    [
        ("today", "2026-11-27", "2026-11-28"),
        ("Tomorrow", "2026-11-28", "2026-11-29"),
        (" yesterday\n", "2026-11-26", "2026-11-27"),
        ("friday", "2026-12-04", "2026-12-04"),
        ("sat", "2026-11-28", "2026-12-05"),
        ("on Monday", "2026-11-30", "2026-11-30"),
        ("this sunday", "2026-11-29", "2026-11-29"),
        ("last friday", "2026-11-20", "2026-11-27"),
        ("in 3 days", "2026-11-30", "2026-12-01"),
        ("in a week", "2026-12-04", "2026-12-05"),
        ("2 weeks from now", "2026-12-11", "2026-12-12"),
        ("3 days ago", "2026-11-24", "2026-11-25"),
        ("in 2 hours", "2026-11-28T01:30Z", "2026-11-28T01:30Z"),
    ],
)
def test_words_for_a_day_are_the_date_where_the_user_is(text: str, in_utc: str, in_berlin: str) -> None:
    assert (UTC_WORDS.day_or_time(text), BERLIN.day_or_time(text)) == (in_utc, in_berlin)


@pytest.mark.parametrize(
    ("text", "in_utc", "in_berlin"),
    [
        ("now", "2026-11-27T23:30", "2026-11-27T23:30"),
        ("today", "2026-11-27T00:00", "2026-11-27T23:00"),
        ("yesterday", "2026-11-26T00:00", "2026-11-26T23:00"),
        ("friday", "2026-11-20T00:00", "2026-11-26T23:00"),
        ("last monday", "2026-11-23T00:00", "2026-11-22T23:00"),
        ("24 hours", "2026-11-26T23:30", "2026-11-26T23:30"),
        ("24h", "2026-11-26T23:30", "2026-11-26T23:30"),
        ("an hour ago", "2026-11-27T22:30", "2026-11-27T22:30"),
        ("the last 3 days", "2026-11-24T23:30", "2026-11-24T23:30"),
        ("90 minutes ago", "2026-11-27T22:00", "2026-11-27T22:00"),
    ],
)
def test_words_for_a_moment_look_back(text: str, in_utc: str, in_berlin: str) -> None:
    for words, moment in ((UTC_WORDS, in_utc), (BERLIN, in_berlin)):
        found = words.moment(text)
        assert found
        assert f"{found:%Y-%m-%dT%H:%M}" == moment


def test_a_length_of_time_needs_no_zone_and_a_day_does() -> None:
    assert NOWHERE.moment("24 hours ago") == NOW - timedelta(hours=24)
    assert NOWHERE.day_or_time("in 2 hours") == "2026-11-28T01:30Z"
    for text in ("today", "friday", "last monday", "in 3 days"):
        with pytest.raises(
            ValueError, match=r"no time zone is known.*In UTC today is 2026-11-27; it should be"
        ):
            NOWHERE.day_or_time(text)


@pytest.mark.parametrize(
    ("words", "text", "days"),
    [
        (UTC_WORDS, "next friday", "2026-12-04 or 2026-12-11"),
        (UTC_WORDS, "next monday", "2026-11-30 or 2026-12-07"),
        (UTC_WORDS, "this friday", "2026-11-27 or 2026-12-04"),
        (BERLIN, "this sat", "2026-11-28 or 2026-12-05"),
    ],
)
def test_words_with_two_meanings_are_refused_with_both(words: Words, text: str, days: str) -> None:
    for read in (words.day_or_time, words.moment):
        with pytest.raises(ValueError, match=f"may be {days}; send the one that is meant"):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "next week",
            "soon",
            "end of month",
            "friday 13",
            "in 3 months",
            "in days",
            "3",
            "",
            "in 3 days ago",
        ),
        *(
            "last 3 days from now",
            "tonight",
            "fri day",
            "tomorrow" * 1000,
            "\u0663 days ago",
            "in 9999999 days",
        ),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_other_words_are_none(text: str) -> None:
    assert BERLIN.day_or_time(text) is None
    assert BERLIN.moment(text) is None


def test_a_length_without_a_direction_is_no_day() -> None:
    assert BERLIN.day_or_time("3 days") is None


def test_what_lies_outside_of_the_calendar_is_refused() -> None:
    for text in ("in 999999 weeks", "999999 weeks ago"):
        with pytest.raises(OverflowError):
            BERLIN.day_or_time(text)
