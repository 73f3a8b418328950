"""Words for days and lengths of time, such as `tomorrow`, `last friday`, `in 3 days` and `24 hours ago`.

Which day a word means depends on where the user is. Words by which people mean different days are refused
with the days that they may mean.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

LONGEST = 40

_DAYS: Mapping[str, int] = {"yesterday": -1, "today": 0, "tomorrow": 1}
_WEEKDAYS: Mapping[str, int] = {
    name: number
    for number, day in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
    for name in (day, day[:3])
}
_UNITS: Mapping[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_NAMED = re.compile(r"(?:(?P<which>next|last|past|this|on) )?(?P<day>[a-z]{3,9})")
_LENGTH = re.compile(
    r"(?P<ahead>in )?(?P<recent>(?:the )?(?:last|past) )?(?P<number>an?|one|[0-9]{1,6}) ?"
    r"(?P<unit>min(?:ute)?s?|h(?:ours?|rs?)?|d(?:ays?)?|w(?:eeks?)?)(?P<end> ago| from now)?"
)
NO_ZONE = (
    "names a day, and no time zone is known: the sign-in has no zoneinfo, TOOLBRIDGE_TIMEZONE is not set. "
    "In UTC today is {today}; it {expected}"
)


class Words:
    """What words mean at a moment. Raises `ValueError` for words with more than one meaning, and for a day
    without a time zone; then `expected` is what can be sent instead."""

    def __init__(self, now: datetime, zone: Callable[[], tzinfo | None], expected: str) -> None:
        self._now, self._zone, self._expected = now, zone, expected

    def day_or_time(self, text: str) -> str | None:
        """The date that a text means, or the time if it counts hours or minutes; None if it means neither."""
        words = _plain(text)
        if length := _LENGTH.fullmatch(words):
            span = _span(length, bare=False)
            if span is None:
                return None
            if length["unit"][0] in "hm":
                return f"{self._now + span:%Y-%m-%dT%H:%M}Z"
            return (self._today() + span).isoformat()
        found = self._day(words, backwards=False)
        return found.isoformat() if found else None

    def moment(self, text: str) -> datetime | None:
        """The moment that a text means, of a day its beginning; None if it is no such text. A weekday is the
        last one, and a length of time lies behind: nobody asks for what changed since the future."""
        words = _plain(text)
        if words == "now":
            return self._now
        if length := _LENGTH.fullmatch(words):
            span = _span(length, bare=True)
            return None if span is None else self._now + span
        found = self._day(words, backwards=True)
        if found is None:
            return None
        return datetime.combine(found, time(), tzinfo=self._known_zone()).astimezone(UTC)

    def _day(self, words: str, *, backwards: bool) -> date | None:
        found = _NAMED.fullmatch(words)
        if found is None:
            return None
        if found["which"] is None and found["day"] in _DAYS:
            return self._today() + timedelta(days=_DAYS[found["day"]])
        if found["day"] not in _WEEKDAYS:
            return None
        return _weekday(self._today(), _WEEKDAYS[found["day"]], found["which"], backwards=backwards)

    def _today(self) -> date:
        return self._now.astimezone(self._known_zone()).date()

    def _known_zone(self) -> tzinfo:
        zone = self._zone()
        if zone is None:
            raise ValueError(NO_ZONE.format(today=self._now.date(), expected=self._expected))
        return zone


def _plain(text: str) -> str:
    return " ".join(text.lower().split()) if len(text) <= LONGEST else ""


def _weekday(today: date, weekday: int, which: str | None, *, backwards: bool) -> date:
    """`friday` is the next one after today, or where one looks back the last one before it."""
    after = today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    before = today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    if which == "next":
        raise ValueError(f"may be {after} or {after + timedelta(weeks=1)}; send the one that is meant")
    if which == "this" and today.weekday() == weekday:
        raise ValueError(f"may be {today} or {after}; send the one that is meant")
    return before if which in ("last", "past") or (which is None and backwards) else after


def _span(found: re.Match[str], *, bare: bool) -> timedelta | None:
    """How far from now; None for words that contradict each other. `3 days` alone counts only if `bare`."""
    ahead = bool(found["ahead"]) or found["end"] == " from now"
    behind = bool(found["recent"]) or found["end"] == " ago"
    if ahead == behind and (ahead or not bare):
        return None
    number = int(found["number"]) if found["number"].isdecimal() else 1
    span = number * _UNITS[found["unit"][0]]
    return span if ahead else -span
