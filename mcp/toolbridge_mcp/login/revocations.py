"""Access tokens that are refused although they were signed here and have not expired."""

from collections.abc import Iterable, Mapping
from typing import Any

from toolbridge_mcp.login.answers import Revocation


class Revocations:
    """Those that the API named last: of connections, by their `sid`, and of subjects, up to a time.

    The API names one until the last token that it is about has expired, so nothing is kept here for longer.
    """

    def __init__(self) -> None:
        self._connections: frozenset[str] = frozenset()
        self._subjects: Mapping[str, float] = {}

    def __len__(self) -> int:
        return len(self._connections) + len(self._subjects)

    def take(self, rows: Iterable[Revocation]) -> None:
        """Replaces what is known."""
        rows = list(rows)
        subjects: dict[str, float] = {}
        for row in rows:
            if row.sub is not None and row.before is not None:
                subjects[row.sub] = max(row.before, subjects.get(row.sub, row.before))
        self._connections = frozenset(row.sid for row in rows if row.sid is not None)
        self._subjects = subjects

    def cover(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token was revoked. It must have `sub`, and `sid` and `iat` as `can_be_named` has them."""
        if claims["sid"] in self._connections:
            return True
        before = self._subjects.get(claims["sub"])
        return before is not None and claims["iat"] <= before


def can_be_named(claims: Mapping[str, Any]) -> bool:
    """Whether a revocation could name a token with these claims, whose times have been looked at. One that
    none could name is not accepted."""
    return isinstance(claims.get("sid"), str) and claims["sid"] != "" and "iat" in claims
