"""Under which addresses clients know this gateway."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import URL
from starlette.types import Scope

SSE_PATH = "/sse"
MESSAGES_PATH = "/messages/"
MCP_PATH = "/mcp"
ENDPOINTS = (SSE_PATH, MCP_PATH)
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class Address:
    """`public_url` is what clients put before `/sse` and `/mcp`; without one, each request tells by its Host
    header. For the endpoints that has been checked by then."""

    public_url: str | None = None

    @property
    def prefix(self) -> str:
        """The path that a proxy has in front of ours: empty, or with a leading slash only."""
        return urlsplit(self.public_url).path if self.public_url else ""

    @property
    def host(self) -> str | None:
        return urlsplit(self.public_url).hostname if self.public_url else None

    @property
    def origin(self) -> str | None:
        parts = urlsplit(self.public_url) if self.public_url else None
        return f"{parts.scheme}://{parts.netloc}" if parts else None

    @property
    def is_https(self) -> bool:
        return bool(self.public_url and self.public_url.startswith("https:"))

    def base(self, scope: Scope) -> str:
        """The address that the request came to, without the path of an endpoint."""
        if self.public_url:
            return self.public_url
        url = URL(scope=scope)
        return f"{url.scheme}://{url.netloc}"

    def metadata_url(self, scope: Scope, endpoint: str) -> str:
        """Where the metadata of an endpoint is: below the prefix, as only that is sure to reach us."""
        return f"{self.base(scope)}{RESOURCE_METADATA}{endpoint}"


def endpoint_of(path: str) -> str | None:
    """The endpoint that a path without prefix belongs to: clients know both halves of SSE by one address."""
    known = {SSE_PATH: SSE_PATH, MESSAGES_PATH: SSE_PATH, MCP_PATH: MCP_PATH}
    return known.get(path)
