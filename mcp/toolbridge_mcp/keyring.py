"""The secrets of one use. Several are live at once: the first signs, all verify.

So a secret is changed by adding one, putting it first, and taking the other away, and no request fails
meanwhile. The API reads the same lists (`api/internal/keyring`).
"""

import logging
import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self, TypeAlias

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
"""How often a file with keys is looked at."""

SETTLE_SECONDS = 0.25
"""How long a changed file must have stayed the same before it is read: it may be half written, and the first
half of a list can be a list, or of a secret a secret."""

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


class Keyring:
    """The keys that are live now, at least one; the first signs. `generation` grows when they change.

    `look` may run in another thread than those who use the keys.
    """

    def __init__(
        self,
        keys: tuple[Key, ...],
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = keys
        self.generation = 0
        self.problem = ""
        """Why the file cannot be used as it is now, so that earlier keys stay in use; empty if it can."""
        self._file = file
        self._clock = clock
        self._read: _State = None
        """The file as it was last read, also in vain."""
        self._seen: tuple[_State, float] = (None, 0.0)
        """The file as it was last seen to have changed, and when."""
        self._is_exposed = False
        self._told = ("", False)

    @classmethod
    def of_secret(cls, secret: str) -> Self:
        """A ring with one bare secret, as it is in the environment."""
        return cls((Key(ONLY_ID, None, secret.encode(errors="surrogateescape")),))

    @classmethod
    def of_file(cls, path: str, clock: Callable[[], float] = time.monotonic) -> Self:
        """The keys in a file. Raises `WrongKeys`."""
        ring = cls((), Path(path), clock)
        ring.keys = ring._read_file(Path(path))
        return ring

    @property
    def first(self) -> Key:
        return self.keys[0]

    @property
    def is_watched(self) -> bool:
        """Whether the keys are in a file, and so may change."""
        return self._file is not None

    def look(self, use: str, *, at_once: bool = False, tells: bool = True) -> None:
        """Reads the file again if it has changed, and has settled unless it is to be read `at_once`. While it
        is wrong or gone, the known keys stay in use. The log `tells` of changes and problems."""
        if self._file is None:
            return
        if self._is_due(self._file, at_once):
            self._renew(self._file, use, tells=tells)
        if tells:
            self._tell(use)

    def _renew(self, file: Path, use: str, *, tells: bool) -> None:
        try:
            keys = self._read_file(file)
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

    def _is_due(self, file: Path, at_once: bool) -> bool:
        """A file that could not be used is read each time: nothing need change in it when its disk does."""
        now = _state(file)
        if now == self._read and not self.problem:
            return False
        if now != self._seen[0]:
            self._seen = (now, self._clock())
        return at_once or self._clock() - self._seen[1] >= SETTLE_SECONDS

    def _tell(self, use: str) -> None:
        """Logs a problem when it begins, or becomes another one."""
        now = self.problem, self._is_exposed
        if now == self._told:
            return
        (problem, was_exposed), self._told = self._told, now
        if self.problem not in ("", problem):
            logger.error(
                "the file with the keys cannot be used, so the known keys stay in use",
                extra={"use": use, "error": self.problem},
            )
        if self._is_exposed and not was_exposed:
            logger.warning(
                "others than its owner may read or write the file with the keys; its mode should be 0600",
                extra={"use": use},
            )

    def _read_file(self, file: Path) -> tuple[Key, ...]:
        self._read = None
        try:
            # Whoever opens a pipe would wait for somebody who writes.
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
                found = os.fstat(opened.fileno())
                self._read = _state_of(found)
                if not stat.S_ISREG(found.st_mode):
                    raise WrongKeys("is no file")
                self._is_exposed = bool(found.st_mode & 0o077)
                content = opened.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise WrongKeys(f"cannot be read ({error.strerror})") from error
        if len(content) > MAX_FILE_BYTES:
            raise WrongKeys("is too large for a list of keys")
        return parse(content.decode(errors="replace"))


_State: TypeAlias = tuple[int, ...] | None
"""What changes when a file is replaced, written to or given other rights; None if there is none."""


def _state(file: Path) -> _State:
    try:
        return _state_of(file.stat())
    except OSError:
        return None


def _state_of(found: os.stat_result) -> _State:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
