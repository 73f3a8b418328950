"""Why a token could not be looked at, where FastMCP says no more than that it is not valid."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Trouble = TypeVar("Trouble", bound=Exception)

_met: ContextVar[list[Exception] | None] = ContextVar("trouble", default=None)


class ProviderUnavailable(Exception):
    """The identity provider does not answer now."""

    def __str__(self) -> str:
        return "The identity provider does not answer."


def noted(trouble: Trouble) -> Trouble:
    """Records it for whoever `observes`, and returns it to be raised."""
    met = _met.get()
    if met is not None:
        met.append(trouble)
    return trouble


@contextmanager
def observed() -> Iterator[list[Exception]]:
    """What is met meanwhile. FastMCP catches every exception of a verification, and calls the token invalid:
    a client would throw it away, though it may be good."""
    met: list[Exception] = []
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)
