"""Checks, one line each."""

import asyncio
import sys
from collections.abc import Awaitable
from dataclasses import dataclass

CHECK_SECONDS = 120


class Failed(Exception):
    """Why a check does not hold."""


def expect(condition: object, reason: str) -> None:
    if not condition:
        raise Failed(reason)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def innermost(error: BaseException) -> BaseException:
    """The task groups of the client wrap what happened, sometimes twice."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def reason_of(error: BaseException) -> str:
    cause = innermost(error)
    text = " ".join(str(cause).split())[:600]
    return text if isinstance(cause, Failed) else f"{type(cause).__name__}: {text}"


@dataclass
class Report:
    """Runs checks one after another; a failed one does not keep the next from running."""

    passed: int = 0
    failed: int = 0

    async def check(self, sentence: str, work: Awaitable[str]) -> None:
        """`work` returns its figures, or raises."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                figures = await work
        except Exception as error:  # noqa: BLE001  the outermost frame of a check
            self.failed += 1
            say(f"FAIL {sentence}: {reason_of(error)}")
        else:
            self.passed += 1
            say(f"ok   {sentence} ({figures})")

    def totals(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"
