"""What the gateway asks the identity provider: its description (OpenID Connect Discovery 1.0), tokens (RFC
6749), and their end (RFC 7009)."""

import base64
import logging
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import httpx
from authlib.integrations.base_client import OAuthError
from fastmcp.server.auth.oidc_proxy import OIDCConfiguration
from pydantic import ValidationError

from toolbridge_mcp.login.proxy.trouble import ProviderUnavailable, noted
from toolbridge_mcp.setting_types import is_safe_url

logger = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
FAMILY = "toolbridge_family"
"""The member under which a token set has the name of what came of one sign-in."""

Authentication = Literal["client_secret_basic", "client_secret_post"]


class WrongDescription(Exception):
    """The provider's description is not one that can be used. The sentence is for operators."""


async def description(url: str, issuer: str, http: httpx.AsyncClient) -> OIDCConfiguration:
    """The provider's description. Raises `ProviderUnavailable`, or `WrongDescription`."""
    content = await _sent(http, http.build_request("GET", url))
    try:
        found = OIDCConfiguration.model_validate_json(content)
    except ValidationError:
        raise WrongDescription("TOOLBRIDGE_PROXY_CONFIG_URL has no description of a provider.") from None
    if str(found.issuer) != issuer:  # OpenID Connect Discovery 1.0, section 4.3
        raise WrongDescription("TOOLBRIDGE_PROXY_CONFIG_URL describes another issuer than JWT_ISSUER.")
    needed = (found.authorization_endpoint, found.token_endpoint)
    given = (found.revocation_endpoint,) if found.revocation_endpoint else ()
    if not all(is_safe_url(str(endpoint)) for endpoint in (*needed, *given)):
        raise WrongDescription("TOOLBRIDGE_PROXY_CONFIG_URL describes endpoints that are no https addresses.")
    return found


class TokenClient:
    """The gateway as a client of the provider, in the form in which FastMCP uses one."""

    def __init__(
        self, http: httpx.AsyncClient, client_id: str, secret: str, authentication: Authentication
    ) -> None:
        self.client_secret = secret
        self._http = http
        self._client_id = client_id
        self._in_body = authentication == "client_secret_post"

    async def fetch_token(self, url: str, **form: Any) -> dict[str, Any]:
        """The tokens for a code, with a name for all that will come of them."""
        tokens = await self._tokens(url, {"grant_type": "authorization_code", **form})
        return {**tokens, FAMILY: secrets.token_urlsafe(16)}

    async def refresh_token(
        self, url: str, *, refresh_token: str | None = None, scope: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Newer tokens, for these scopes. Entra ID demands that they are named again (AADSTS90009). Where a
        user has granted fewer, they are those that were granted (RFC 6749, section 6)."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            tokens = await self._tokens(url, {**form, "scope": scope})
        except OAuthError as error:
            if error.error != "invalid_scope":
                raise
            tokens = await self._tokens(url, form)
        return {"refresh_token": refresh_token, **tokens}

    async def revoke(self, url: str, token: str) -> None:
        """Ends a refresh token. Raises `ProviderUnavailable`."""
        await self._post(url, {"token": token, "token_type_hint": "refresh_token"})

    async def aclose(self) -> None:
        """Nothing: the connections are shared."""

    async def _tokens(self, url: str, form: Mapping[str, Any]) -> dict[str, Any]:
        """What a client may do is what it asked for and the provider's token allows. So the provider's own
        list of scopes, which has others, is left out."""
        answer = await self._post(url, form)
        if "access_token" not in answer:
            error = answer.get("error")
            logger.warning("the identity provider gave no token", extra={"error": _code(error)})
            raise OAuthError(error=_code(error) or "server_error")
        return {name: value for name, value in answer.items() if name != "scope"}

    async def _post(self, url: str, form: Mapping[str, Any]) -> dict[str, Any]:
        sent = {name: value for name, value in form.items() if value}
        headers = {"Accept": "application/json"}
        if self._in_body:
            sent |= {"client_id": self._client_id, "client_secret": self.client_secret}
        else:  # RFC 6749, section 2.3.1
            pair = f"{quote(self._client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        request = self._http.build_request("POST", url, data=sent, headers=headers)
        content = await _sent(self._http, request, refusals=True)
        try:
            answer = httpx.Response(200, content=content).json() if content else {}
        except ValueError:
            answer = {}
        return answer if isinstance(answer, dict) else {}


async def _sent(http: httpx.AsyncClient, request: httpx.Request, *, refusals: bool = False) -> bytes:
    """The content of the answer, also of one below 500 if `refusals` are answers."""
    try:
        answer = await http.send(request, stream=True)
        try:
            if not answer.is_success and (not refusals or answer.status_code >= 500 or _is_busy(answer)):
                raise _unavailable(str(answer.status_code))
            content = bytearray()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > MAX_BYTES:
                    raise _unavailable("too large")
            return bytes(content)
        finally:
            await answer.aclose()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(type(error).__name__) from None


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.TOO_MANY_REQUESTS


def _unavailable(reason: str) -> ProviderUnavailable:
    logger.warning("the identity provider does not answer", extra={"reason": reason})
    return noted(ProviderUnavailable())


def _code(error: object) -> str:
    """The `error` of RFC 6749, section 5.2. The description is ignored, since it may quote a token."""
    return error if isinstance(error, str) and error.isascii() and len(error) <= 40 else ""
