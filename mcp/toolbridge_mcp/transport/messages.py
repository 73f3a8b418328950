"""A request to the API and its answer, as small as a call needs them."""

from collections.abc import MutableMapping, Sequence

Fields = Sequence[tuple[bytes, bytes]]
"""The header fields of an answer, in the order in which they came. Their names are in small letters."""


class Request:
    """One request, as it goes over the wire. `target` is the path with the query, percent-encoded.

    `until` is the deadline, as a value of `time.monotonic`. `connect_seconds` bounds how long it may take to
    get a connection. With `edges`, of an answer that is too long the start and the end are kept. For traces,
    `route` is the path as the API declares it, and `resends` how often the request has been sent before.
    """

    __slots__ = (
        *("connect_seconds", "content", "edges", "headers", "method", "resends", "route", "target", "until"),
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: MutableMapping[str, str],
        content: bytes = b"",
        *,
        until: float | None = None,
        connect_seconds: float | None = None,
        edges: bool = False,
        route: str = "",
        resends: int = 0,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.content = content
        self.until = until
        self.connect_seconds = connect_seconds
        self.edges = edges
        self.route = route
        self.resends = resends

    def head(self) -> bytes:
        """The request line and the fields. Raises `ValueError` if a part holds a character that could end it
        early, such as a line break."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if " " in self.target or not "".join(lines).isprintable():
            raise ValueError("a request holds a character that HTTP does not allow there")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


class Response:
    """An answer that has been read. It does not refer to its request.

    If there was no room for it, it has no content, and `lacks` says how many bytes of room there have to be.
    If it was too long, `content` is its start and its end, and `whole_size` is the size of all of it.
    """

    __slots__ = ("content", "fields", "lacks", "status", "whole_size")

    def __init__(
        self, status: int, fields: Fields, content: bytes, *, lacks: int = 0, whole_size: int = 0
    ) -> None:
        self.status = status
        self.fields = fields
        self.content = content
        self.lacks = lacks
        self.whole_size = whole_size

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    def header(self, name: str) -> str:
        """The value of the first header field of that name; empty if there is none."""
        wanted = name.lower().encode()
        for field, value in self.fields:
            if field == wanted:
                return value.decode("latin-1").strip()
        return ""
