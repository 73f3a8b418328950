"""Dates and times, as people and models write them.

The API reads them by the same rule: `api/internal/item/testdata/times.json` holds examples for both.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo

from toolbridge_mcp.entities.circumstances import NO_CIRCUMSTANCES
from toolbridge_mcp.entities.date_words import Words

Meant = TypeVar("Meant")

# A space before the zone is a plus sign that was lost in a query.
DATES = "ISO 8601 date or time"
"""How the schema describes such an argument."""

_ISO_8601 = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?P<zone>[Zz]|(?P<sign>[+ -])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)?)?"
)
EXPECTED = "should be a date or time such as 2026-01-31 or 2026-01-31T09:30Z"


def in_utc(text: str) -> str:
    """The date or time in RFC 3339, in UTC and with milliseconds, which every API reads.

    A date is its first moment. A time without a zone is in UTC. Raises `ValueError` for anything but a date
    or time of the years 1 to 9999.
    """
    found = _ISO_8601.fullmatch(text)
    if found is None:
        raise ValueError(EXPECTED)
    try:
        day = datetime.fromisoformat(found["date"])
        moment = day.replace(
            hour=int(found["hour"] or 0),
            minute=int(found["minute"] or 0),
            second=int(found["second"] or 0),
            microsecond=int((found["fraction"] or "").ljust(6, "0")[:6]),
            tzinfo=_zone(found),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"names no time that exists; it {EXPECTED}") from None
    return _rfc_3339(moment)


def _rfc_3339(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _zone(found: re.Match[str]) -> timezone:
    """Raises `ValueError` for an offset of a day or more."""
    if found["sign"] is None:
        return UTC
    minutes = int(found["minutes"] or 0)
    if minutes > 59:
        raise ValueError
    offset = timedelta(hours=int(found["hours"]), minutes=minutes)
    return timezone(-offset if found["sign"] == "-" else offset)


def _words(info: ValidationInfo) -> Words:
    circumstances = info.context or NO_CIRCUMSTANCES
    return Words(datetime.now(UTC), circumstances.zone, EXPECTED)


def _stored(text: str, info: ValidationInfo) -> str:
    """The text as it is if it is a date or time, and the date that a word means."""
    try:
        in_utc(text)
    except ValueError:
        meant = _or_none(_words(info).day_or_time, text)
        if meant is None:
            raise
        return meant
    return text


def _moment(text: str, info: ValidationInfo) -> str:
    try:
        return in_utc(text)
    except ValueError:
        meant = _or_none(_words(info).moment, text)
        if meant is None:
            raise
        return _rfc_3339(meant)


def _or_none(read: Callable[[str], Meant | None], text: str) -> Meant | None:
    try:
        return read(text)
    except OverflowError:
        raise ValueError(f"names no time that exists; it {EXPECTED}") from None


_DESCRIBED = Field(description=DATES, json_schema_extra={"format": "date-or-time"})
"""The API has the same name for the format. Clients do not see it."""

DateOrTime = Annotated[str, AfterValidator(_stored), _DESCRIBED]
"""A field with a date or time, which is stored as it was given; words, as the date that they mean."""

Moment = Annotated[str, AfterValidator(_moment), _DESCRIBED]
"""A point in time, in UTC. Words mean a past one: `friday` is the last one, `3 days` was 3 days ago."""
