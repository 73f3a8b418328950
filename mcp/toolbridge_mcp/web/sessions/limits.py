"""How many sessions there may be, of one user and in all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response

from toolbridge_mcp.identity import User
from toolbridge_mcp.web.refusals import RETRY_AFTER_SECONDS, refusal


class SessionLimits:
    """Counts the sessions of all transports. A gateway that is about to stop sets `closed`: it opens no new
    ones."""

    def __init__(self, most: int, most_per_user: int) -> None:
        self._most = most
        self._most_per_user = most_per_user
        self._of_user: Counter[User] = Counter()
        self._total = 0
        self.closed = False

    def refusal(self, user: User) -> Response | None:
        """Why `user` may not open another session now; None if they may."""
        if self.closed:
            return _refusal(503, "The gateway is about to restart; connect again in a moment.")
        if self._total >= self._most:
            return _refusal(503, "The gateway has as many sessions as it can serve; try again later.")
        if self._of_user[user] >= self._most_per_user:
            return _refusal(
                429, f"The user has {self._most_per_user} sessions open; close some of them first."
            )
        return None

    @contextmanager
    def one_more(self, user: User) -> Iterator[None]:
        """Counts a session while the block runs."""
        self.add(user)
        try:
            yield
        finally:
            self.remove(user)

    def add(self, user: User) -> None:
        self._of_user[user] += 1
        self._total += 1

    def remove(self, user: User) -> None:
        self._of_user[user] -= 1
        self._total -= 1
        if not self._of_user[user]:
            del self._of_user[user]


def _refusal(status: int, description: str) -> Response:
    return refusal(status, "too_many_sessions", description, retry_after=RETRY_AFTER_SECONDS)
