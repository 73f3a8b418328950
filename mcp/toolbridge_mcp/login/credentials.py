"""How a client says who it is at /token and /revoke (RFC 6749, section 2.3)."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_plus

from starlette.requests import Request as HttpRequest

from toolbridge_mcp.login.clients import SERVICE
from toolbridge_mcp.login.parameters import Parameters
from toolbridge_mcp.login.refused import EndpointError

BASIC = {"WWW-Authenticate": 'Basic realm="token", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Id and secret of a client, wherever it has put them. A client without a secret sends its id only."""

    client_id: str
    secret: str | None
    in_header: bool

    @classmethod
    def of(cls, request: HttpRequest, form: Parameters) -> Self:
        """Raises `EndpointError`."""
        if form.get("client_assertion") or form.get("client_assertion_type"):
            raise EndpointError(401, "invalid_client", "client_assertion is not served here.")
        header = request.headers.get("authorization", "")
        scheme, _, content = header.partition(" ")
        if scheme.lower() != "basic":
            return cls._in_form(form)
        client_id, secret = _decoded(content.strip())
        if form.get("client_secret") is not None:
            raise EndpointError(400, "invalid_request", "The client authenticates in two ways; use one.")
        if form.get("client_id") not in (None, client_id):
            raise EndpointError(401, "invalid_client", "client_id is another one than in the header.", BASIC)
        return cls(client_id, secret or None, in_header=True)

    @classmethod
    def _in_form(cls, form: Parameters) -> Self:
        client_id = form.get("client_id")
        if client_id is None:
            raise EndpointError(401, "invalid_client", "client_id is missing.")
        return cls(client_id, form.get("client_secret"), in_header=False)

    def refused(self, description: str) -> EndpointError:
        """The error for a client that is not who it says (RFC 6749, section 5.2)."""
        return EndpointError(401, "invalid_client", description, BASIC if self.in_header else None)

    def in_form(self, form: Parameters) -> Parameters:
        """The form with the credentials in it, which is where the SDK looks."""
        given = {"client_id": self.client_id, "client_secret": self.secret}
        return Parameters(
            {**form.values, **{name: value for name, value in given.items() if value is not None}}
        )


def _decoded(content: str) -> tuple[str, str]:
    """Id and secret in a header, both encoded as in a form (RFC 6749, section 2.3.1, and appendix B). Many
    programs do not encode them, so the colon in the id of a service does not end it."""
    try:
        text = b64decode(content, validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    start = len(SERVICE) if text.startswith(SERVICE) else 0
    client_id, colon, secret = text[start:].partition(":")
    if not colon or not client_id:
        raise EndpointError(401, "invalid_client", "The header with the client's id cannot be read.", BASIC)
    return unquote_plus(text[:start] + client_id), unquote_plus(secret)
