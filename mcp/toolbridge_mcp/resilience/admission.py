"""How many calls are at work, of one user and in all, and who comes next."""

import asyncio
from collections import deque
from collections.abc import Hashable

from toolbridge_mcp.errors import Busy, Stopping
from toolbridge_mcp.resilience.deadline import current_deadline

WAIT_SECONDS = 2.0


class _Queue:
    """The calls of one user."""

    __slots__ = ("running", "waiting")

    def __init__(self) -> None:
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Admission:
    """At most `most` calls at once, and `most_per_user` of one user.

    A call above that waits for `wait_seconds`, or until its deadline if that is sooner. As many may wait as
    may run. Users take turns, so many waiting calls of one user do not delay the single call of another.
    Nothing is kept of a user without calls.
    """

    def __init__(self, most: int, most_per_user: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._most = most
        self._most_per_user = most_per_user
        self._wait_seconds = wait_seconds
        self._users: dict[Hashable, _Queue] = {}
        self._turns: dict[Hashable, None] = {}
        """The users with calls waiting, the next one first."""
        self.running = 0
        """Places that are taken."""
        self._at_work = 0
        self.waiting = 0
        self.is_closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def users(self) -> int:
        """How many users have calls, running or waiting."""
        return len(self._users)

    def close(self) -> None:
        """From now on, every new call is refused with `Stopping`; those at work go on."""
        self.is_closed = True

    async def emptied(self) -> None:
        """Returns when no call is at work or waiting."""
        await self._empty.wait()

    async def enter(self, user: Hashable) -> None:
        """Returns when the call may run; it then must `finish` and `leave`. Raises `Busy` or `Stopping`."""
        if self.is_closed:
            raise Stopping
        self._empty.clear()
        calls = self._users.get(user)
        if calls is None:
            calls = self._users[user] = _Queue()
        if self._has_room(calls):
            self._start(calls)
            return
        try:
            await self._wait(user, calls)
        finally:
            self._forget(user, calls)

    def finish(self) -> None:
        """The work of a call is done; its answer still occupies its place."""
        self._at_work -= 1
        self._check_empty()

    def leave(self, user: Hashable) -> None:
        """Gives the place of a call to another one."""
        calls = self._users[user]
        calls.running -= 1
        self.running -= 1
        if self._turns:
            self._admit()
        self._forget(user, calls)

    def _has_room(self, calls: _Queue) -> bool:
        return self.running < self._most and calls.running < self._most_per_user

    def _start(self, calls: _Queue) -> None:
        calls.running += 1
        self.running += 1
        self._at_work += 1

    def _forget(self, user: Hashable, calls: _Queue) -> None:
        if not calls.running and not calls.waiting:
            self._users.pop(user, None)
        self._check_empty()

    def _check_empty(self) -> None:
        if not self._at_work and not self.waiting:
            self._empty.set()

    async def _wait(self, user: Hashable, calls: _Queue) -> None:
        if self.waiting >= self._most or len(calls.waiting) >= self._most_per_user:
            raise self._busy(calls)
        place = asyncio.get_running_loop().create_future()
        calls.waiting.append(place)
        self.waiting += 1
        self._turns.setdefault(user)
        try:
            async with asyncio.timeout(min(self._wait_seconds, current_deadline().left)):
                await place
        except BaseException as error:
            self._return(user, calls, place)
            if isinstance(error, TimeoutError):
                raise self._busy(calls) from error
            raise

    def _return(self, user: Hashable, calls: _Queue, place: "asyncio.Future[None]") -> None:
        """Ends the wait for a place, which may have been given in the moment in which the wait ended."""
        if place.done() and not place.cancelled():
            self.finish()
            self.leave(user)
            return
        self._unqueue(user, calls, place)

    def _unqueue(self, user: Hashable, calls: _Queue, place: "asyncio.Future[None]") -> None:
        calls.waiting.remove(place)
        self.waiting -= 1
        if not calls.waiting:
            del self._turns[user]

    def _admit(self) -> None:
        """Gives the free places to the users who wait, one to each in turn."""
        for user in list(self._turns):
            calls = self._users[user]
            # A cancelled call leaves the queue itself as soon as its task runs.
            place = next((place for place in calls.waiting if not place.done()), None)
            if place is None or not self._has_room(calls):
                continue
            self._start(calls)
            self._unqueue(user, calls, place)
            place.set_result(None)
            if calls.waiting:
                self._turns[user] = self._turns.pop(user)  # to the end

    def _busy(self, calls: _Queue) -> Busy:
        own = calls.running >= self._most_per_user
        whose = "The user has" if own else "The users together have"
        return Busy(facts={"whose": whose})
