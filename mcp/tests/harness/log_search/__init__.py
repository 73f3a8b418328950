"""Nothing that was confided to a program may be in the log of any: the search through the logs of a test run.

A run that starts with `FOLDER` set notes in that folder what must not be logged, and keeps the logs:

- what a gateway of a test sees: the tokens of all requests to it and of those that it sends on, its
  signatures, and the texts in messages (`gateway.py`)
- the texts that tests send to a server in their own process, or to the API without a gateway; and the tokens
  and signatures that they make
- the secrets in the environments of all programs
- the log of every program that the tests start

`python -m tests.harness.log_search FOLDER` searches when the tests are over, for each value as it is and as
JSON writes it. Of a secret, a signature and each part of a token the first 16 characters are enough, and of a
text the first 64. Whatever else looks like a token counts, too.

Not looked for are texts of fewer than 8 bytes, names, numbers and dates, and what the product publishes
itself, such as the values of a field: a log may well contain them. Not searched is what the tests themselves
log, and what their doubles of other programs do.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = "TOOLBRIDGE_TEST_LOGS"
"""The environment variable with the folder."""

BEGINNING = 16
"""So many characters of a secret are enough to find it."""

LEAST = 8
"""Of so many bytes is the shortest value that is looked for."""


class Kind(StrEnum):
    """What a value is."""

    TOKEN = "token"
    SECRET = "secret"
    SIGNATURE = "signature"
    TEXT = "text"


LONGEST = {Kind.TOKEN: 4_096, Kind.SECRET: BEGINNING, Kind.SIGNATURE: BEGINNING, Kind.TEXT: 64}
"""So many characters are kept of a value."""


class Folder:
    """What a run notes and keeps. Several processes may do that at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values = path / "values"
        self.logs = path / "logs"
        self._noted: set[str] = set()
        self._file = -1

    def confide(self, kind: Kind, value: str) -> None:
        """Notes a value that no log may hold."""
        value = value[: LONGEST[kind]]
        if len(value.encode(errors="replace")) < LEAST or value in self._noted:
            return
        self._noted.add(value)
        if self._file < 0:
            self._file = os.open(self.values, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._file, f"{json.dumps([kind, value])}\n".encode())

    def confide_all(self, kind: Kind, values: Iterable[str]) -> None:
        for value in values:
            self.confide(kind, value)

    def keep(self, log: Path) -> None:
        """Keeps a log, and what is still written to it, also when the test removes it."""
        self.logs.mkdir(exist_ok=True)
        log.touch()
        if not log.is_file():  # a device, such as one that is always full
            return
        made = log.stat()
        with suppress(FileExistsError):
            (self.logs / f"{made.st_dev}-{made.st_ino}").hardlink_to(log)


class _Nowhere(Folder):
    """For a run that is not searched."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def confide(self, kind: Kind, value: str) -> None:
        """Forgets it."""

    def keep(self, log: Path) -> None:
        """Leaves it where it is."""


@cache
def this_run() -> Folder:
    """The folder of this run."""
    path = os.environ.get(FOLDER)
    return Folder(Path(path)) if path else _Nowhere()


def confide(kind: Kind, value: str) -> str:
    """The value, which no log of this run may hold."""
    this_run().confide(kind, value)
    return value


def confide_secrets(settings: Mapping[str, str]) -> None:
    """Notes the secrets among settings, those of lists too."""
    secrets = (value for name, value in settings.items() if name.lower().endswith("secret"))
    this_run().confide_all(Kind.SECRET, secrets)
    for name, value in settings.items():
        if name.lower().endswith("_keys"):
            confide_keys(value)


def confide_keys(text: str) -> None:
    """Notes the secrets of a list of keys."""
    words = (word.split(":", 2) for word in text.replace(",", " ").split())
    this_run().confide_all(Kind.SECRET, [parts[2] for parts in words if len(parts) == 3])


def confide_texts(given: Any) -> None:
    """Notes the texts in what JSON can hold."""
    this_run().confide_all(Kind.TEXT, texts_in(given))


def texts_in(given: Any) -> Iterable[str]:
    """The texts at any depth. Keys are names."""
    pending = [given]
    while pending:
        match pending.pop():
            case str(text):
                yield text
            case {**members}:
                pending.extend(members.values())
            case [*members]:
                pending.extend(members)
