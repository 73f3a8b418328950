"""Parts of the authorization server that need no API, only the seal."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from toolbridge_mcp.login.authorization import Authorization
from toolbridge_mcp.login.clients import Clients
from toolbridge_mcp.login.documents import Documents
from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.login.scopes import OfferedScopes
from toolbridge_mcp.login.sealed import Method, Registration
from toolbridge_mcp.web import Address, ToolsetsInAddresses

ISSUER = "https://tools.example"
SEAL = bytes(range(32))
OFFERED = OfferedScopes("read", "write")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Those of RFC 7636, appendix B."""

CALLBACK = "http://127.0.0.1:33418/callback"


async def seal() -> bytes:
    return SEAL


def authorization(documents: Documents | None = None) -> Authorization:
    """One that is never asked for a code."""
    none: Any = None
    resources = Resources(ISSUER, Address(ISSUER), [], ToolsetsInAddresses(["crud", "work"]))
    return Authorization(none, Clients(OFFERED, seal, documents), resources, ISSUER)


def client(*redirect_uris: str, method: Method = "none", scope: str | None = None) -> str:
    """The id of a client that has registered these."""
    return Registration("A client", redirect_uris or (CALLBACK,), method, scope, 1_790_000_000).sealed(SEAL)


def query(client_id: str, **changes: str | None) -> str:
    """A request for authorization that is in order, with changes; None leaves a parameter out."""
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "state": "x y",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return urlencode({name: value for name, value in parameters.items() if value is not None})


def members(url: str) -> dict[str, str]:
    """The query of an address, in which each name comes once."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}
