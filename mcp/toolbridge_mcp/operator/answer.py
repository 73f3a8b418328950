"""An answer of the private port, and the headers that keep it there."""

from collections.abc import Mapping
from typing import NamedTuple

TEXT = "text/plain; charset=utf-8"

SECURITY: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Answer(NamedTuple):
    status: int
    content: bytes
    headers: Mapping[str, str]


def text(status: int, sentence: str, **headers: str) -> Answer:
    return Answer(status, f"{sentence}\n".encode(), {"Content-Type": TEXT, **headers})
