"""What a client asks for, and what it can get."""

from collections.abc import Mapping, Sequence

from mcp.shared.auth import InvalidScopeError


class OfferedScopes:
    """The scopes of this deployment. Others are ignored beside one of them: clients also ask for
    `offline_access` and `openid` where nobody offers these."""

    def __init__(self, read: str, write: str, also_called: Mapping[str, str] | None = None) -> None:
        """`also_called` has further names under which clients ask for the two."""
        self.every = (read, write)
        self._names = {**(also_called or {}), read: read, write: write}

    def asked(self, scope: str | None, registered: str | None = None) -> list[str]:
        """The scopes that a request asks for, within those that its client has registered; both if it names
        none. Raises `InvalidScopeError` (RFC 6749, section 4.1.2.1) if nothing is left."""
        allowed = self.known(registered) or self.every
        wanted = self.every if scope is None else self.known(scope)
        granted = [name for name in self.every if name in wanted and name in allowed]
        if not granted:
            raise InvalidScopeError(f"The scopes here are {' and '.join(self.every)}; ask for one of them.")
        return granted

    def known(self, scope: str | None) -> Sequence[str]:
        """The offered ones among these."""
        return [self._names[name] for name in (scope or "").split(" ") if name in self._names]
