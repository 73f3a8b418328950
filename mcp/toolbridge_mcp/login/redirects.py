"""Redirect URIs: where the answers to clients may go (RFC 6749, section 3.1.2; RFC 8252, section 7)."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlencode

MAX_LENGTH = 512
MAX_HOST = 253
MAX_SCHEME = 64
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

NEVER = frozenset(
    {
        *{"about", "blob", "data", "file", "filesystem", "ftp", "intent", "javascript", "mailto", "sms"},
        *{"search-ms", "tel", "urn", "vbscript", "view-source", "ws", "wss"},
        *{"afp", "chrome", "dav", "davs", "feed", "gopher", "help", "jar", "ldap", "ldaps", "livescript"},
        *{"mhtml", "microsoft-edge", "mocha", "nfs", "res", "resource", "rlogin", "rtsp", "search", "sftp"},
        *{"shell", "smb", "ssh", "sips", "sip", "telnet", "vnc", "wyciwyg", "x-help-script"},
    }
)
"""Schemes that a browser opens itself, or hands with a host that a stranger names to a program of the system,
or that start something on a device without asking."""

_CHARACTERS = r"[A-Za-z0-9._~!$&'()+,;=:@%-]"
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):"
    r"(?://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*)(?P<port>:[0-9]{1,5})?(?=[/?]|\Z))?"
    rf"(?P<path>(?:/|{_CHARACTERS})*)(?P<query>\?(?:[/?]|{_CHARACTERS})*)?"
)
"""An absolute URI (RFC 3986) without user and fragment. `*` is left out: elsewhere it stands for anything."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes, for people: to a site by its host, to a program on their device, or to an app by
    its scheme."""

    kind: Literal["site", "device", "app"]
    name: str


def is_usable(uri: str) -> bool:
    """Whether answers may go there at all: to https, to http of the device itself, or to an app by a scheme
    of its own."""
    found = _found(uri)
    if found is None:
        return False
    scheme, host = found["scheme"], found["host"]
    if scheme == "https":
        return bool(host)
    if scheme == "http":
        return host in LOOPBACK
    is_app = scheme not in NEVER and not scheme.startswith("ms-")
    has_user = host is None and found["path"].startswith("//")
    return is_app and not has_user and bool(host or found["path"].strip("/"))


def matches(registered: str, asked: str) -> bool:
    """Whether `asked` is the registered URI: the same text, but for the case of its host. On the loopback
    interface the port may differ, which a program gets anew at each start (RFC 8252, section 7.3)."""
    return _spelled(registered) == _spelled(asked)


def place_of(uri: str) -> Place:
    """Where answers to a usable URI go."""
    found = _found(uri)
    if found is None:
        raise ValueError("no redirect URI")
    if found["scheme"] == "http":
        return Place("device", found["host"])
    if found["scheme"] == "https":
        return Place("site", f"{found['host']}{found['port'] or ''}".lower())
    return Place("app", found["scheme"])


def answer_url(uri: str, **members: str | None) -> str:
    """The URI with the members of an answer in its query; those that are None are left out. What the query
    holds already stays as it is, except under the names of these members: each comes once (RFC 6749, section
    3.1)."""
    given = {name: value for name, value in members.items() if value is not None}
    base, _, query = uri.partition("?")
    kept = [field for field in query.split("&") if field and unquote(field.partition("=")[0]) not in given]
    return f"{base}?{'&'.join([*kept, urlencode(given)])}"


def _found(uri: str) -> re.Match[str] | None:
    found = _URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    is_short = found and len(found["scheme"]) <= MAX_SCHEME and len(found["host"] or "") <= MAX_HOST
    return found if is_short else None


def _spelled(uri: str) -> str:
    """One spelling of each URI of http: its host in small letters, `/` for an empty path, and without the
    port of the device."""
    found = _found(uri)
    if found is None or found["scheme"] not in ("http", "https"):
        return uri
    is_local = found["scheme"] == "http" and found["host"] in LOOPBACK
    port = "" if is_local else found["port"] or ""
    host = (found["host"] or "").lower()
    return f"{found['scheme']}://{host}{port}{found['path'] or '/'}{found['query'] or ''}"
