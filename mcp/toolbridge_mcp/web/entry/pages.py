"""The browser pages that may use the gateway (Origin), and the headers that let them read answers (CORS)."""

import re
from collections.abc import Iterable

from starlette.types import Scope

from toolbridge_mcp.web.head import Head

Fields = dict[str, str]

READABLE = "Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, Server-Timing, WWW-Authenticate"
"""The headers that a page may read, beside those that every page may."""

METHODS = "GET, HEAD, POST, DELETE"
PREFLIGHT_SECONDS = "600"
LOOPBACK_HOST = r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
LOOPBACK_PAGE = rf"https?://{LOOPBACK_HOST}"

_ASKS_FOR_METHOD = b"access-control-request-method"
_ASKS_FOR_HEADERS = b"access-control-request-headers"
_NETWORKS = ("Private-Network", "Local-Network")
"""A page from the internet asks whether it may reach a server inside a network, under the header's first name
or its later one."""

_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_DEPENDS_ON = {
    "Vary": ", ".join(
        ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]
        + [f"Access-Control-Request-{network}" for network in _NETWORKS]
    )
}


class Pages:
    """Pages of the given origins, of the gateway's own origin, and of this machine if the request is for this
    machine."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(_spelled(origin) for origin in origins)

    def allow(self, origin: str, scheme: str, host: str) -> bool:
        """`host` is that of the request, checked, or empty."""
        origin = _spelled(origin)
        return (
            origin in self._origins
            or origin == _spelled(f"{scheme}://{host}")
            or bool(re.fullmatch(LOOPBACK_HOST, host.lower()) and re.fullmatch(LOOPBACK_PAGE, origin))
        )


def is_preflight(scope: Scope, head: Head) -> bool:
    """Whether a browser asks what a page may do (Fetch standard, CORS-preflight request)."""
    return scope["method"] == "OPTIONS" and head.has(b"origin") and head.has(_ASKS_FOR_METHOD)


def readable(origin: str) -> Fields:
    """The headers of an answer that pages of this origin may read, with what it says of times (W3C Resource
    Timing); `*` is every origin."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": READABLE,
        "Timing-Allow-Origin": origin,
    }


def preflight(origin: str, head: Head, *, is_allowed: bool) -> Fields:
    """The headers of the answer to a preflight. A page that is not allowed may read public documents, and
    gets no way into a network."""
    fields = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": head.get(_ASKS_FOR_HEADERS) or "*",
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        **_DEPENDS_ON,
    }
    for network in _NETWORKS:
        if is_allowed and head.get(b"access-control-request-" + network.lower().encode()) == "true":
            fields[f"Access-Control-Allow-{network}"] = "true"
    return fields


def _spelled(origin: str) -> str:
    """One spelling of each origin: lower case, without the default port of its scheme."""
    origin = origin.lower()
    return origin.removesuffix(_DEFAULT_PORT.get(origin.partition(":")[0], " "))
