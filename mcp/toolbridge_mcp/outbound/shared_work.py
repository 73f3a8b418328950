"""Work that several callers wait for and that is done once."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

from toolbridge_mcp.errors import ToolBridgeError

Key = TypeVar("Key")
Result = TypeVar("Result")


class SharedWork(Generic[Key, Result]):
    """One task for each key at a time. A caller that is cancelled leaves the task to the others."""

    def __init__(self) -> None:
        self._tasks: dict[Key, asyncio.Task[Result]] = {}

    async def result(self, key: Key, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What `work` returns, or what it returns to those who asked for `key` before. Each caller gets
        an error of its own, because the tool adds the call's correlation id to it."""
        try:
            return await asyncio.shield(self.start(key, work))
        except ToolBridgeError as error:
            raise type(error)(error.message, facts=error.facts) from error

    def start(self, key: Key, work: Callable[[], Coroutine[Any, Any, Result]]) -> asyncio.Task[Result]:
        task = self._tasks.get(key)
        if task is None:
            # The first caller's context holds that caller's request; the work is not only theirs.
            task = asyncio.create_task(work(), context=Context())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return task

    async def aclose(self) -> None:
        """Ends what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, key: Key, task: asyncio.Task[Result]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # nobody may be waiting any more, and asyncio complains of unread errors
