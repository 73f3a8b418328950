"""The limits of every call: its deadline, and how many calls a user may make."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from toolbridge_mcp.resilience.admission import Admission
from toolbridge_mcp.resilience.deadline import within
from toolbridge_mcp.resilience.rate_limit import RateLimit
from toolbridge_mcp.unread import current_answer

CALL_SECONDS = 30.0

Given = TypeVarTuple("Given")
Result = TypeVar("Result")


class Interrupted(Exception):
    """The gateway had to stop in the middle of the call."""


class CallLimits:
    """Gives each call its deadline, and holds each user to the rate and to the number of calls at once."""

    def __init__(
        self,
        admission: Admission,
        rate_limit: RateLimit | None = None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._admission = admission
        self.rate_limit = rate_limit
        self._call_seconds = call_seconds
        self._tasks: set[asyncio.Task[Any]] = set()
        self._interrupted: set[asyncio.Task[Any]] = set()

    @property
    def is_closed(self) -> bool:
        return self._admission.is_closed

    def close(self) -> None:
        """From now on, every new call is refused with `Stopping`; those at work go on."""
        self._admission.close()

    async def emptied(self) -> None:
        """Returns when no call is left."""
        await self._admission.emptied()

    async def call(
        self, user: Hashable, work: Callable[[*Given], Awaitable[Result]], *given: *Given
    ) -> Result:
        """What `work` returns: one call of `user`, from its arrival to its answer. Raises `RateLimited`,
        `Busy` or `Stopping` when the call may not be made."""
        task = _current_task()
        with within(self._call_seconds):
            if self.rate_limit is not None:
                self.rate_limit.take(user)
            await self._admission.enter(user)
            self._tasks.add(task)
            try:
                return await work(*given)
            except asyncio.CancelledError as error:
                if task not in self._interrupted:
                    raise
                task.uncancel()
                raise Interrupted from error
            finally:
                self._tasks.discard(task)
                self._interrupted.discard(task)
                self._leave(user)

    def _leave(self, user: Hashable) -> None:
        """The work is done. The call keeps its place until its client has taken the answer."""
        self._admission.finish()
        if answer := current_answer():
            answer.when_taken(partial(self._admission.leave, user))
        else:
            self._admission.leave(user)

    def interrupt(self) -> None:
        """Ends every call that is at work, each with `Interrupted`."""
        for task in self._tasks:
            self._interrupted.add(task)
            task.cancel()


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call is made outside of a task")
    return task
