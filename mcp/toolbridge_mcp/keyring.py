"""The secrets of one use. Several are live at once: the first signs, all verify.

So a secret is changed by adding one, putting it first, and taking the other away, and no request fails
meanwhile. The API reads the same lists (`api/internal/keyring`).
"""

import logging
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

logger = logging.getLogger(__name__)

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: an HS256 key is at least as long as the hash."""

DAY_SECONDS = 24 * 60 * 60
MAX_KEYS = 8
MAX_FILE_BYTES = 64 * 1024
ONLY_ID = "default"
"""The id of the one key of a ring that was made of a bare secret."""

OLD_DAYS = 90
"""The age from which a key should be changed."""

LOOK_SECONDS = 0.25
"""How often a file with keys is looked at. A change counts from the second look at it."""

ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_WORD = re.compile(r"[^ \t\r\n,]+")
_SECRET = re.compile(r"[!-~]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class WrongKeys(ValueError):
    """A list of keys cannot be used. The text is the rest of a sentence about it, and quotes no secret."""


@dataclass(frozen=True, slots=True)
class Key:
    """One secret with its id, which is not secret. `made` is a day in UTC, None if it is not known."""

    id: str
    made: date | None
    secret: bytes = field(repr=False)

    def age_seconds(self, now: float) -> float | None:
        """How long ago, at this Unix time, the day began on which the key was made; None if that is not
        known."""
        if self.made is None:
            return None
        return now - datetime.combine(self.made, datetime.min.time(), UTC).timestamp()

    def age_days(self, now: float) -> int | None:
        """The same in whole days, and 0 for a day that is still to come."""
        seconds = self.age_seconds(now)
        return None if seconds is None else max(0, int(seconds // DAY_SECONDS))


def parse(text: str) -> tuple[Key, ...]:
    """The keys of a list: words `id:made:secret`, separated by spaces, tabs, line ends or commas. A line that
    begins with # is a comment. Raises `WrongKeys`."""
    lines = [line for line in text.split("\n") if not line.lstrip(" \t\r").startswith("#")]
    words = _WORD.findall("\n".join(lines))
    keys = tuple(_key(number, word) for number, word in enumerate(words, start=1))
    _check(keys)
    return keys


def _key(number: int, word: str) -> Key:
    parts = word.split(":", 2)
    if len(parts) != 3:
        raise WrongKeys(
            f"key {number} is not id:made:secret, such as k1:2026-01-31: "
            "and a secret of 64 hexadecimal digits"
        )
    key_id, made, secret = parts
    if not ID.fullmatch(key_id):
        raise WrongKeys(
            f"key {number} has no usable id: it is 1 to 32 letters, digits, dots, hyphens and underscores"
        )
    day = _day(made)
    if day is None:
        raise WrongKeys(f"key {number} has no day on which it was made, such as 2026-01-31")
    if (size := len(secret.encode())) < MIN_SECRET_BYTES:
        raise WrongKeys(
            f"key {number} has a secret of {size} bytes, and needs at least {MIN_SECRET_BYTES}; "
            "`openssl rand -hex 32` makes one"
        )
    if not _SECRET.fullmatch(secret):
        raise WrongKeys(f"key {number} has a secret with other characters than visible ASCII")
    return Key(key_id, day, secret.encode())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _check(keys: Sequence[Key]) -> None:
    if not 1 <= len(keys) <= MAX_KEYS:
        raise WrongKeys(f"has {len(keys)} keys; give it 1 to {MAX_KEYS}")
    for position, key in enumerate(keys):
        if key.id in {earlier.id for earlier in keys[:position]}:
            raise WrongKeys(f"has two keys with the id {key.id}; give each its own")


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a look at a file found: its content, or the problem that there is none."""

    content: bytes = field(default=b"", repr=False)
    problem: str = ""
    is_exposed: bool = False
    """Whether others than its owner may read or write the file."""

    def keys(self) -> tuple[Key, ...]:
        """Raises `WrongKeys`."""
        if self.problem:
            raise WrongKeys(self.problem)
        return parse(self.content.decode(errors="replace"))


class Keyring:
    """The keys that are live now, at least one; the first signs. `generation` grows when they change.

    `look` may run in another thread than those who use the keys.
    """

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys
        self.generation = 0
        self.problem = ""
        """Why the file cannot be used as it is now, so that earlier keys stay in use; empty if it can."""
        self._file: Path | None = None
        self._last = self._used = _Sight()
        """What the last look found, and what was found when keys or problem became what they are."""
        self._told = ("", False)

    @classmethod
    def of_secret(cls, secret: str) -> Self:
        """A ring with one bare secret, as it is in the environment."""
        return cls((Key(ONLY_ID, None, secret.encode(errors="surrogateescape")),))

    @classmethod
    def of_file(cls, path: str) -> Self:
        """The keys in a file. Raises `WrongKeys`."""
        file = Path(path)
        found = _see(file)
        ring = cls(found.keys())
        ring._file, ring._last, ring._used = file, found, found
        return ring

    @property
    def first(self) -> Key:
        return self.keys[0]

    @property
    def is_watched(self) -> bool:
        """Whether the keys are in a file, and so may change."""
        return self._file is not None

    def look(self, use: str, *, at_once: bool = False, tells: bool = True) -> None:
        """Reads the file, as its time and size may be the same after a change. What it has counts `at_once`,
        or else when two looks in a row found the same: it may be half written, and the first half of a list
        can be a list, or of a secret a secret. While the file is wrong or gone, the known keys stay in use.
        The log `tells` of changes and problems."""
        if self._file is None:
            return
        found = _see(self._file)
        has_settled = found == self._last
        self._last = found
        if (has_settled or at_once) and found != self._used:
            self._used = found
            self._renew(use, tells=tells)
        if tells:
            self._tell(use)

    def _renew(self, use: str, *, tells: bool) -> None:
        try:
            keys = self._used.keys()
        except WrongKeys as error:
            self.problem = str(error)
            return
        self.problem = ""
        if keys == self.keys:
            return
        self.keys = keys
        self.generation += 1  # after the keys: who remembers something of them forgets it then
        if tells:
            logger.info("read the keys again", extra={"use": use, "keys": [key.id for key in keys]})

    def _tell(self, use: str) -> None:
        """Logs a problem when it begins, or becomes another one."""
        now = self.problem, self._used.is_exposed
        (problem, was_exposed), self._told = self._told, now
        if self.problem not in ("", problem):
            logger.error(
                "the file with the keys cannot be used, so the known keys stay in use",
                extra={"use": use, "error": self.problem},
            )
        if self._used.is_exposed and not was_exposed:
            logger.warning(
                "others than its owner may read or write the file with the keys; its mode should be 0600",
                extra={"use": use},
            )


def _see(file: Path) -> _Sight:
    try:
        with open(file, "rb", opener=_opened) as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                return _Sight(problem="is no file")
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return _Sight(problem=f"cannot be read ({error.strerror})")
    if len(content) > MAX_FILE_BYTES:
        return _Sight(problem="is too large for a list of keys")
    return _Sight(content, is_exposed=bool(found.st_mode & 0o077))


def _opened(path: str, flags: int) -> int:
    """Whoever opens a pipe would else wait for somebody who writes."""
    return os.open(path, flags | os.O_NONBLOCK)
