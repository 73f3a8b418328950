"""The addresses by which clients know this gateway."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import URL
from starlette.types import Scope

SSE_PATH = "/sse"
MESSAGES_PATH = "/messages/"
MCP_PATH = "/mcp"
ENDPOINTS = (SSE_PATH, MCP_PATH)
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"

_ENDPOINT_OF = {SSE_PATH: SSE_PATH, MESSAGES_PATH: SSE_PATH, MCP_PATH: MCP_PATH}


@dataclass(frozen=True, slots=True)
class Address:
    """`public_url` is what clients put before `/sse` and `/mcp`. Without it, the Host header of each request
    says it; at the endpoints that header has been checked."""

    public_url: str | None = None

    @property
    def prefix(self) -> str:
        """The path that a proxy puts before ours: empty, or with a slash at its start only."""
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
        """The address that a request came to, without the path of an endpoint."""
        if self.public_url:
            return self.public_url
        url = URL(scope=scope)
        return f"{url.scheme}://{url.netloc}"

    def metadata_url(self, scope: Scope, endpoint: str) -> str:
        """The address of an endpoint's metadata: below the prefix, as only that path is sure to reach us."""
        return f"{self.base(scope)}{RESOURCE_METADATA}{endpoint}"


def route_path(scope: Scope) -> str:
    """The path of a request without the prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def endpoint_of(path: str) -> str | None:
    """The endpoint of a path without prefix, or None. Clients know both halves of SSE by one address."""
    return _ENDPOINT_OF.get(path)
