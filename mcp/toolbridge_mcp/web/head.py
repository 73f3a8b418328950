"""The head of a request, read once for all that look at it."""

from collections.abc import Iterable
from time import perf_counter

from starlette.types import Scope

_HEAD = "toolbridge.head"


class Head:
    """The fields of a request by their names, which are in lower case.

    `lines` are the same as ASGI has them, without whitespace around the values: that is no part of them
    (RFC 9110, section 5.5), and the server's parser leaves it at the end of a value. `arrived_at` is when the
    request came, and `verified_at` when its token had been verified, as values of `time.perf_counter`.
    """

    __slots__ = ("_first", "_repeated", "arrived_at", "lines", "verified_at")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]]) -> None:
        self.arrived_at = self.verified_at = perf_counter()
        self.lines = [(name, value.strip(b" \t")) for name, value in lines]
        self._first: dict[bytes, bytes] = {}
        self._repeated: dict[bytes, list[bytes]] = {}
        for name, value in self.lines:
            if name in self._first:
                self._repeated.setdefault(name, []).append(value)
            else:
                self._first[name] = value

    def get(self, name: bytes) -> str:
        """The value, the first if there are several; empty if there is none."""
        return self._first.get(name, b"").decode("latin-1")

    def raw(self, name: bytes) -> bytes | None:
        """The value as it was sent, if there is exactly one."""
        return None if name in self._repeated else self._first.get(name)

    def all(self, name: bytes) -> list[str]:
        """Every value of that name."""
        if name not in self._first:
            return []
        values = [self._first[name], *self._repeated.get(name, ())]
        return [value.decode("latin-1") for value in values]

    def has(self, name: bytes) -> bool:
        return name in self._first

    def has_any(self, prefix: bytes) -> bool:
        """Whether there is a field whose name begins so."""
        return any(name.startswith(prefix) for name in self._first)


def read_head(scope: Scope) -> Head:
    """Reads the head of a request, for `head_of`."""
    head = scope[_HEAD] = Head(scope["headers"])
    scope["headers"] = head.lines
    return head


def head_of(scope: Scope) -> Head:
    """The head of a request that has been read."""
    head: Head = scope[_HEAD]
    return head
