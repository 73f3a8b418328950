"""The parameters of OAuth's requests, in queries and in forms (RFC 6749, sections 3.1 and 3.2)."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode

MAX_BYTES = 64 * 1024
MAX_QUERY_BYTES = 8 * 1024
MAX_FIELDS = 50
MAX_DESCRIPTION = 300

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 in base64url (RFC 7636, section 4.2)."""


class MalformedParameters(ValueError):
    """The parameters cannot be read. The sentence is for people."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters by their names. One without a value counts as left out, and one that comes twice as none:
    `repeated` has its name."""

    values: dict[str, str]
    repeated: tuple[str, ...] = ()

    @classmethod
    def of_query(cls, query: bytes | str) -> Self:
        """Raises `MalformedParameters`."""
        content = query.encode("ascii", "replace") if isinstance(query, str) else query
        if len(content) > MAX_QUERY_BYTES:
            raise MalformedParameters(f"The request has more than {MAX_QUERY_BYTES} bytes of parameters.")
        return cls.of(content)

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Raises `MalformedParameters`."""
        try:
            fields = parse_qsl(content.decode("ascii"), errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError:
            raise MalformedParameters("The parameters of the request cannot be read.") from None
        if any("\0" in text for field in fields for text in field):  # no store takes it
            raise MalformedParameters("The parameters of the request have a character that none may have.")
        values: dict[str, str] = {}
        repeated = []
        for name, value in fields:
            if name in values:
                repeated.append(name)
            values[name] = value
        once = {name: value for name, value in values.items() if name not in repeated}
        return cls(once, tuple(dict.fromkeys(repeated)))

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def is_repeated(self, name: str) -> bool:
        return name in self.repeated

    def lack(self, name: str) -> str:
        """Why there is no value of that name."""
        return described(f"{name} comes more than once." if self.is_repeated(name) else f"{name} is missing.")

    def without(self, *names: str) -> "Parameters":
        return Parameters({name: value for name, value in self.values.items() if name not in names})

    def encoded(self) -> bytes:
        return urlencode(self.values).encode()


def challenge_problem(given: Parameters) -> str | None:
    """What is wrong with the challenge of PKCE. Without a method it would be `plain` (RFC 7636, section 4.3),
    which shows the verifier to everyone who sees the request."""
    if given.get("code_challenge_method") != "S256":
        return "code_challenge_method has to be S256."
    if not _CHALLENGE.fullmatch(given.get("code_challenge") or ""):
        return "code_challenge has to be SHA-256 in base64url, 43 characters."
    return None


def described(text: str) -> str:
    """`text` as an `error_description` may be (RFC 6749, section 4.1.2.1)."""
    plain = text.replace('"', "'").replace("\n", "; ")
    return "".join(one if " " <= one <= "~" and one != "\\" else "?" for one in plain)[:MAX_DESCRIPTION]
