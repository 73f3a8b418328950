"""A client is shown only what its token allows."""

from collections.abc import Sequence
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from toolbridge_mcp.identity import get_access_token

LISTS = frozenset({"tools/list", "resources/templates/list"})


class OnlyUsable(Middleware):
    """Leaves out of the lists the parts whose `scope` the token lacks: a call of them would only say that."""

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        # Not `on_list_tools`: its machinery would cost every tool call as much as a signature.
        if context.method not in LISTS:
            return await call_next(context)
        parts: Sequence[Any] = await call_next(context)
        access = get_access_token()
        allowed = {None, *(access.scopes if access else ())}
        return [part for part in parts if getattr(part, "scope", None) in allowed]
