"""Answers as they would be on one fixed day, with fixed ids, so that every run shows the same."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

TODAY = date(2026, 11, 26)
"""The day of every example, a Thursday."""

AROUND = timedelta(days=60)
"""Dates that are further from the day of the run are no dates of the examples."""

_DATE = re.compile(r"\b(?P<weekday>[A-Z][a-z]+day )?(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?![0-9])")
_CLOCK = re.compile(
    r"(?P<date>[0-9]-[0-9]{2}-[0-9]{2}[T ])[0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2}(?:\.[0-9]+)?)?"
)
_CLOCK_ALONE = re.compile(r"(?m:^)[0-9]{2}:[0-9]{2}(?= )|\b[0-9]{2}:[0-9]{2}(?= UTC)")
_UUID = re.compile(r"\b[0-9a-f]{8}(-?)[0-9a-f]{4}(?:\1[0-9a-f]{4}){2}\1[0-9a-f]{12}\b")
_JOURNAL = re.compile(r"\bj([0-9]+)\.[0-9a-zA-Z]+")
_CURSOR = re.compile(r"""(cursor\\?"?[=:]\s?\\?")[\w-]{12,}={0,2}""")


_AMOUNTS = (
    (re.compile(r"\b[0-9.]+ kB\b"), "2.5 kB"),
    (re.compile(r"\b[0-9]+(?= left at this moment)"), "2000"),
)
"""What depends on the digits of a time, and on how fast the calls come."""

OTHER_ID = "0d9f6a523b1e4c779f085a2e71c4b960"
"""In place of ids that are no uids."""


def fixed_uid(name: str) -> str:
    """A uid that is the same in every run."""
    return str(uuid5(NAMESPACE_OID, name))


class Fixed:
    """Turns texts of a run into those of the examples, and the other way round. `uids` are those that the
    run made, in the order in which it made them; `kept` are those that are the same in every run."""

    def __init__(self, today: date, uids: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self._today = today
        self._uids = {uid: fixed_uid(f"made {number}") for number, uid in enumerate(uids)}
        self._kept = {*kept, *self._uids.values()}

    def to_run(self, text: str) -> str:
        """The text with dates that are as far from the day of the run as they were from `TODAY`."""
        return _moved(text, TODAY, self._today)

    def of_run(self, text: str) -> str:
        for uid, shown in self._uids.items():
            text = text.replace(uid, shown).replace(uid[:8], shown[:8])
        text = _UUID.sub(self._known, text)
        text = _CLOCK.sub(lambda found: f"{found['date']}09:00{':00' if found['seconds'] else ''}", text)
        text = _moved(_CLOCK_ALONE.sub("09:00", text), self._today, TODAY)
        for amount, shown in _AMOUNTS:
            text = amount.sub(shown, text)
        return _CURSOR.sub(r"\g<1>MTc5NTY4", _JOURNAL.sub(r"j\1.5f0c2a", text))

    def _known(self, found: re.Match[str]) -> str:
        """A uid, or in place of another id, such as a correlation id, always the same."""
        return found[0] if found[0] in self._kept else OTHER_ID


def _moved(text: str, start: date, end: date) -> str:
    """The text with the dates around `start` moved as far as `end` is from it."""

    def moved(found: re.Match[str]) -> str:
        try:
            day = date.fromisoformat(found["date"])
        except ValueError:
            return found[0]
        if abs(day - start) > AROUND:
            return found[0]
        day += end - start
        return f"{day:%A} {day}" if found["weekday"] else str(day)

    return _DATE.sub(moved, text)


def today() -> date:
    """The day of the run, in UTC."""
    return datetime.now(UTC).date()
