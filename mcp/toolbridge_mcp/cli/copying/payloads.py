"""Items as the two APIs exchange them. Numbers keep the digits that they came with."""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, Self

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.client.selection import milliseconds

_MARK = f"number {secrets.token_hex(16)} "
"""Before a number that Python would change. It is another one in every run, so no text can begin with it."""

_MARKED = re.compile(f'"{_MARK}([^"]*)"')
_EXACT = Context(prec=10_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
EXACT_DIGITS = 15
OWNED = frozenset({"uid", "updatedTs", "sync"})
"""The keys of a payload that the API writes."""


def parse(text: str | bytes) -> Any:
    """JSON whose long and fractional numbers are marked texts, which `dump` writes as they were."""
    return json.loads(text, parse_float=lambda digits: _MARK + digits, parse_int=_integer)


def dump(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _MARKED.sub(r"\1", text).encode()


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= EXACT_DIGITS else _MARK + digits


def timestamp(at: int) -> str:
    """Unix milliseconds as RFC 3339."""
    seconds, rest = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


@dataclass(frozen=True, slots=True)
class Item:
    """An item as a list shows it. Times are Unix milliseconds."""

    uid: str
    version: int
    updated_at: int
    deleted_at: int | None
    payload: JsonObject

    @classmethod
    def of(cls, shown: JsonObject) -> Self:
        deleted = shown.get("deletedAt")
        return cls(
            shown["uid"],
            shown["version"],
            milliseconds(shown["updatedAt"]),
            milliseconds(deleted) if deleted else None,
            shown["payload"],
        )

    def pushed(self, *, at: int | None = None, alive: bool = False) -> JsonObject:
        """The payload to push, with the item's own version and time. `at` is another time; `alive` leaves
        the deletion out."""
        deleted = None if alive else self.deleted_at
        before = self.payload.get("sync")
        sync = dict(before) if isinstance(before, dict) else {}
        sync.pop("deletedAt", None)
        sync |= {"version": self.version, "isDeleted": deleted is not None}
        if deleted is not None:
            sync["deletedAt"] = timestamp(deleted)
        return {
            **self.payload,
            "uid": self.uid,
            "updatedTs": timestamp(self.updated_at if at is None else at),
            "sync": sync,
        }

    def digest(self) -> bytes:
        """Equal for equal contents: the keys that the API writes, and the order of keys, do not count."""
        content = {name: _canonical(value) for name, value in self.payload.items() if name not in OWNED}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()


def _canonical(value: Any) -> Any:
    """Numbers by their value: 1, 1.0 and 1e0 are one."""
    match value:
        case dict():
            return {name: _canonical(part) for name, part in value.items()}
        case list():
            return [_canonical(part) for part in value]
        case str() if value.startswith(_MARK):
            return _number(value.removeprefix(_MARK))
        case int() if not isinstance(value, bool):
            return _number(str(value))
    return value


def _number(digits: str) -> str:
    return f"{_MARK}{_EXACT.normalize(Decimal(digits))}"
