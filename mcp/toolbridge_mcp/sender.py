"""Who sent a message, by its verified token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.types import Scope

User: TypeAlias = tuple[str, str]
"""Issuer and subject of a verified token. A part that the token lacks is empty."""


SessionOwner: TypeAlias = tuple[str, str, str]
"""Issuer, subject and client: who may use a session. The same user in another client opens another one."""


Revoked: TypeAlias = Callable[[Mapping[str, Any]], bool]
"""Whether a token with these claims was revoked, as far as is known now."""


def user_of(token: AccessToken | None) -> User:
    """The user that a verified token speaks for; both parts are empty without a token."""
    if token is None:
        return "", ""
    return str(token.claims.get("iss") or ""), token.subject or ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a message, by its verified token. It is made once for each token.

    `credentials` and `principal` are what FastMCP finds as `auth` and `user` in the scope of a request.
    """

    token: AccessToken
    user: User
    owner: SessionOwner
    credentials: AuthCredentials
    principal: AuthenticatedUser
    revoked: Revoked | None = None

    @classmethod
    def of(cls, token: AccessToken, revoked: Revoked | None = None) -> Self:
        user = user_of(token)
        owner = (*user, token.client_id)
        return cls(token, user, owner, AuthCredentials(token.scopes), AuthenticatedUser(token), revoked)

    @property
    def is_revoked(self) -> bool:
        """Whether the token, which was valid once, is accepted no more."""
        return self.revoked is not None and self.revoked(self.token.claims)

    def sign(self, scope: Scope) -> None:
        """Records in a request who sent it."""
        scope["auth"], scope["user"], scope[_SENDER] = self.credentials, self.principal, self


_SENDER = "toolbridge.sender"


def sender_of(scope: Scope) -> Sender:
    """The sender of a request that has been authenticated."""
    sender: Sender = scope[_SENDER]
    return sender
