"""Work that several callers wait for and that runs once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """Runs at most one task for each key at a time; callers that come while it runs share it.

    A caller that is cancelled, or stops waiting, leaves the task running. The task runs in an empty context:
    it serves every caller, so it carries the token and the deadline of none.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Result]] = {}

    async def run(
        self,
        work: Callable[[], Coroutine[Any, Any, Result]],
        key: Hashable = None,
        *,
        seconds: float | None = None,
    ) -> Result:
        """Returns the result of the running task for `key`, or of `work` if there is none. Raises
        `TimeoutError` when it takes longer than `seconds`."""
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.start(work, key))

    def start(
        self, work: Callable[[], Coroutine[Any, Any, Result]], key: Hashable = None
    ) -> "asyncio.Task[Result]":
        """Returns the running task for `key`, or starts `work` if there is none."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work(), context=Context())
            task.add_done_callback(lambda done: self._finish(key, done))
        return task

    def is_running(self, key: Hashable = None) -> bool:
        return key in self._tasks

    async def aclose(self) -> None:
        """Cancels what is running, and returns when it has ended."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, key: Hashable, task: "asyncio.Task[Result]") -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # asyncio logs an exception that nobody has read
