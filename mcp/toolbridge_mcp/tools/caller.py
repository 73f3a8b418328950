"""On whose behalf a tool speaks to the API."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from traceback import clear_frames
from typing import NamedTuple

from toolbridge_mcp.client import NO_MIRRORS, ApiClient, Call, Document, Origin
from toolbridge_mcp.errors import (
    BadAnswer,
    FeatureMissing,
    NotFound,
    ParentNotFound,
    ToolBridgeError,
    VersionMismatch,
)
from toolbridge_mcp.tools.deployment import NO_DEPLOYMENT, Deployment
from toolbridge_mcp.tools.second_look import second_look


def _unknown() -> None:
    return None


class Caller(NamedTuple):
    """One call of a tool: its requests reach the API as the caller's, with the same correlation id."""

    client: ApiClient
    origin: Origin
    zone: Callable[[], tzinfo | None] = _unknown
    """The user's time zone, as far as it is known."""
    deployment: Deployment = NO_DEPLOYMENT

    async def send(self, call: Call) -> Document:
        """The API's answer. Raises a `ToolBridgeError`, with what a second look at the item shows."""
        try:
            return await self.client.send(call, self.origin)
        except (NotFound, ParentNotFound, VersionMismatch) as error:
            refused: ToolBridgeError = error
        # Not chained: a chain of errors would refer to the frames of each until the next full collection.
        raise (await self._explained(call, refused)).with_traceback(refused.__traceback__)

    async def _explained(self, call: Call, error: ToolBridgeError) -> ToolBridgeError:
        """The error with what a second look shows; as it is if there is none, or it fails."""
        try:
            look = second_look(call, error, self.origin.tool, await self.client.read_features())
            return look.explained(await self.client.send(look.call, self.origin)) if look else error
        except ToolBridgeError as failed:
            clear_frames(failed.__traceback__)
            return error

    async def look_up(self, names: Sequence[str], **query: str) -> Document:
        """What each name leads to, in the order of the names, as `items` of the document; payloads come
        without the keys that the server owns. Raises a `ToolBridgeError`."""
        repeated = tuple(("ref", name) for name in names)
        found = await self.send(
            Call("GET", "/v1/items", query=query, repeated=repeated, wishes=(NO_MIRRORS,))
        )
        answers = found.data.get("items")
        if not isinstance(answers, list) or len(answers) != len(names):
            raise BadAnswer(facts={"consequence": "nothing was changed"})
        return found

    async def require(self, features: frozenset[str]) -> None:
        """Raises `FeatureMissing` if the API lacks one of them."""
        if lacking := features - await self.client.read_features():
            raise FeatureMissing(facts={"features": ", ".join(sorted(lacking))})
