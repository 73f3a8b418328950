"""How many sessions there may be, of one user and in all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from toolbridge_mcp.identity import User, user_of

Owner = User
"""The user of the token that a session was opened with."""

SessionOwner = tuple[str, str, str]
"""The user and the client: who may use a session. The user of another client opens one of their own."""

RETRY_SECONDS = 5


class SessionCount:
    """Counts the sessions of every transport. A gateway that is about to stop sets `closed`: no new ones."""

    def __init__(self, most: int, most_per_user: int) -> None:
        self._most = most
        self._most_per_user = most_per_user
        self._of: Counter[Owner] = Counter()
        self.total = 0
        self.closed = False

    def refusal(self, owner: Owner) -> Response | None:
        """Why `owner` may not open another session now; None if they may."""
        if self.closed:
            return _refusal(503, "The gateway is about to restart; connect again in a moment.")
        if self.total >= self._most:
            return _refusal(503, "The gateway has as many sessions as it can serve; try again later.")
        if self._of[owner] >= self._most_per_user:
            return _refusal(
                429, f"The user has {self._most_per_user} sessions open; close some of them first."
            )
        return None

    @contextmanager
    def one_more(self, owner: Owner) -> Iterator[None]:
        self.add(owner)
        try:
            yield
        finally:
            self.remove(owner)

    def add(self, owner: Owner) -> None:
        self._of[owner] += 1
        self.total += 1

    def remove(self, owner: Owner) -> None:
        self._of[owner] -= 1
        self.total -= 1
        if not self._of[owner]:
            del self._of[owner]


def access_of(scope: Scope) -> AccessToken:
    """The verified token of a request that the guard let in."""
    user = scope["user"]
    if not isinstance(user, AuthenticatedUser):
        raise TypeError("a request passed the guard without a user")
    return user.access_token


def owner_of(scope: Scope) -> Owner:
    return user_of(access_of(scope))


def session_owner_of(scope: Scope) -> SessionOwner:
    return (*owner_of(scope), access_of(scope).client_id)


def expiry_of(scope: Scope) -> float:
    """When the request's token expires, in Unix time."""
    return float(access_of(scope).expires_at or 0)


def _refusal(status: int, says: str) -> Response:
    body = {"error": "too_many_sessions", "error_description": says}
    return JSONResponse(body, status_code=status, headers={"Retry-After": str(RETRY_SECONDS)})
