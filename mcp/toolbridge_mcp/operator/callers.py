"""Who may read the operator's page: whoever can connect, but no web page of another site.

A browser inside the network reaches the private port, and runs the scripts of every page it shows. Such a
page can send requests here, and can make its own host name lead here (DNS rebinding) to read the answers.
"""

import re
from collections.abc import Iterable
from email.message import Message
from ipaddress import ip_address

from toolbridge_mcp.operator.answer import Answer, text

PRIVATE_DOMAINS = (".internal", ".flycast")
"""Of the network of a machine. Nobody outside can have a name in them."""

OWN = frozenset({"none", "same-origin"})
"""What a browser says in Sec-Fetch-Site of an address that was typed, and of a link on the page itself."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?")

_FOREIGN_HOST = text(
    421,
    "The operator's page is not served under this name. Open it by an address, as localhost, by a name in "
    ".internal or .flycast, or add the name to TOOLBRIDGE_ALLOWED_HOSTS.",
)
_FOREIGN_PAGE = text(403, "Another site sent this request. Type the address of the page.")


class Names:
    """The names by which the page may be opened, beside addresses and those of the private network."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(_bare(name.lower()) for name in ("localhost", *names))

    def refuse(self, headers: "Message[str, str]") -> Answer | None:
        """The answer to a request that may not see the page, by its headers; None if it may."""
        hosts = headers.get_all("Host") or []
        if len(hosts) != 1 or not self._include(hosts[0]):
            return _FOREIGN_HOST
        sites = headers.get_all("Sec-Fetch-Site") or []
        if "Origin" in headers or any(site not in OWN for site in sites):
            return _FOREIGN_PAGE
        return None

    def _include(self, host: str) -> bool:
        found = _HOST.fullmatch(host.strip().lower())
        if found is None:
            return False
        name = _bare(found[1])
        return name in self._names or name.endswith(PRIVATE_DOMAINS) or _is_address(name)


def _bare(host: str) -> str:
    return host.removesuffix(".").removeprefix("[").removesuffix("]")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
