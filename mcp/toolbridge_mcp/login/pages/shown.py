"""Texts and hosts that strangers chose, as people can safely see them: short, escaped, nothing hidden."""

from collections.abc import Sequence
from datetime import UTC, datetime

from toolbridge_mcp.login.pages.texts import say, say_with
from toolbridge_mcp.markup import Html, tag
from toolbridge_mcp.rendering import one_line

NAME_CHARACTERS = 60
HOST_CHARACTERS = 253
"""The longest name of the DNS (RFC 1035, section 2.3.4)."""

_PLAIN = str.maketrans(dict.fromkeys("“”„‟〝〞〟", '"'))
"""Marks of quotation that look like ours."""


def quoted(name: str) -> Html:
    """A name that a stranger chose. Its direction of writing does not reach what is around it, and it cannot
    end its quotation to go on in our words."""
    return tag("bdi", f"“{one_line(name.translate(_PLAIN), NAME_CHARACTERS)}”")


def client(name: str, place: str) -> str | Html:
    """What a client calls itself. One that gives no name is known by its place."""
    return say("client.no_name") if name == place else say_with("client.name", name=quoted(name))


def text(name: str, most: int = NAME_CHARACTERS) -> str:
    return one_line(name, most)


def host(name: str) -> Html:
    """A host or a scheme in ASCII, so that letters of other scripts cannot stand for it."""
    plain = name.encode("ascii", "backslashreplace").decode("ascii")
    return tag("bdi", one_line(plain, HOST_CHARACTERS), class_="host")


def time(seconds: float) -> Html:
    """A moment, in UTC, as all languages write it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return tag("time", f"{moment:%Y-%m-%d %H:%M} UTC", datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def may(scopes: Sequence[str], read: str, write: str) -> str:
    """What scopes allow, in words. `read` and `write` are their names here."""
    if read in scopes and write in scopes:
        return say("scopes.both")
    if write in scopes:
        return say("scopes.write")
    return say("scopes.read") if read in scopes else ", ".join(map(text, scopes))
