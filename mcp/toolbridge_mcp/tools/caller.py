"""On whose behalf a tool speaks to the API."""

from dataclasses import dataclass

from toolbridge_mcp.client import ApiClient, Call, Document, Origin
from toolbridge_mcp.errors import NoSuchOperation


@dataclass(frozen=True, slots=True)
class Caller:
    """One call of a tool: its requests reach the API as the caller's, with the same correlation id."""

    client: ApiClient
    origin: Origin

    async def send(self, call: Call) -> Document:
        """The API's answer. Raises a `ToolBridgeError`."""
        return await self.client.send(call, self.origin)

    async def require(self, features: frozenset[str]) -> None:
        """Raises `NoSuchOperation` if the API lacks one of them."""
        if not features <= await self.client.read_features():
            raise NoSuchOperation
