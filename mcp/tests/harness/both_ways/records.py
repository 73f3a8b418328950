"""What is recorded of a call, and the files that it is in."""

import os
import pickle
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from starlette.types import Message

Headers: TypeAlias = list[tuple[bytes, bytes]]


class Transport(StrEnum):
    SSE = "SSE"
    SESSION = "Streamable HTTP with a session"
    ALONE = "Streamable HTTP 2026-07-28"


class Cause(StrEnum):
    """What cancelled a call."""

    NOTIFICATION = "notifications/cancelled"
    DISCONNECT = "its client left"
    SESSION_END = "its session was deleted"
    STREAM_END = "its stream ended"
    GATEWAY = "the gateway itself"


@dataclass(frozen=True)
class Peer:
    """What the SDK knows of the other end of a session."""

    version: str = ""
    params: str | None = None
    """The parameters of `initialize` as JSON; None if the session was never initialized."""


@dataclass(frozen=True)
class Outcome:
    """What a tool returned, or what else became of it."""

    result: bytes | None = None
    """Pickled."""

    error: bytes | None = None
    """Pickled."""

    cancelled: Cause | None = None

    is_begun: bool = False
    """Whether the call had its place, as a call that was refused for its number never has."""

    correlation_id: str = ""


@dataclass(frozen=True)
class Given:
    """What a tool was called with."""

    name: str
    arguments: str
    """As Python writes them, so that 1 and 1.0 differ."""

    client: str
    choice: frozenset[str] | None


@dataclass
class Answer:
    """What a client gets."""

    status: int | None = None
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    is_whole: bool = False
    raised: str = ""
    """What the application raised instead, for the door to answer."""

    events: list[bytes] = field(default_factory=list)

    def add(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)


@dataclass
class Call:
    """One tool call that went the short way."""

    transport: Transport
    headers: Headers
    body: bytes
    choice: frozenset[str] | None
    peer: Peer
    given: Given | None = None
    outcome: Outcome | None = None
    answer: Answer = field(default_factory=Answer)
    is_unread: bool = False
    """Whether the client was gone, or had not read the answer in time, when the call had ended."""


@dataclass(frozen=True)
class Begun:
    """A call that went the short way has begun: its record follows, unless the gateway is killed."""


@dataclass(frozen=True)
class PassedOn:
    """A tool call that went FastMCP's way."""

    transport: Transport
    reason: str
    client: str


Entry: TypeAlias = Call | Begun | PassedOn


class Writer:
    """Writes the entries of this process to a file of its own, each as soon as it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = 0
        self._file = -1

    def write(self, entry: Entry) -> None:
        if self._pid != os.getpid():  # this process was forked from the one that wrote so far
            self._pid = os.getpid()
            name = self._folder / f"{time.time_ns()}-{self._pid}"
            self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        packed = zlib.compress(pickle.dumps(entry), 1)
        os.write(self._file, len(packed).to_bytes(4) + packed)


def read(folder: Path) -> Iterator[Entry]:
    """All entries, but for one that a killed process has not written to its end."""
    for file in sorted(folder.iterdir()):
        with file.open("rb") as records:
            while len(size := records.read(4)) == 4:
                packed = records.read(int.from_bytes(size))
                if len(packed) == int.from_bytes(size):
                    yield pickle.loads(zlib.decompress(packed))  # noqa: S301  written by our own tests


def pickled(value: Any) -> bytes:
    """A copy that nothing changes later. What cannot be pickled is named by its type and text."""
    try:
        return pickle.dumps(value)
    except (pickle.PicklingError, TypeError, AttributeError):
        return pickle.dumps(RuntimeError(f"{type(value).__name__}: {value}"))
