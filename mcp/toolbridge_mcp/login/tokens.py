"""The token endpoint (RFC 6749, section 3.2): codes, refresh tokens and the credentials of services."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import ClientAuthenticator
from mcp.server.auth.provider import AuthorizationCode, RefreshToken, TokenError
from mcp.shared.auth import InvalidScopeError, OAuthToken
from pydantic import AnyUrl
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from toolbridge_mcp.login import answers
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.clients import GRANTS, SERVICE, Client, Clients, UnknownClient
from toolbridge_mcp.login.credentials import BASIC, Credentials
from toolbridge_mcp.login.failures import SignInRefused, Unknown, WrongRequest
from toolbridge_mcp.login.forms import read_form, with_form
from toolbridge_mcp.login.limits import Limit
from toolbridge_mcp.login.parameters import Parameters
from toolbridge_mcp.login.patience import Patience
from toolbridge_mcp.login.refused import NEVER_KEPT, Endpoint, EndpointError
from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.login.scopes import OfferedScopes

CLIENT_CREDENTIALS = "client_credentials"
SERVED = (*GRANTS, CLIENT_CREDENTIALS)

EARLY_SECONDS = 30
"""So much earlier than an access token ends, its client is told that it does. Some clients refresh only what
they know to have ended, and send their user to the browser when a token is refused: so does the Python SDK.
A request at the very end of a token would do that."""

_UNUSED = AnyUrl("https://unused.invalid/")


@dataclass(frozen=True)
class Issuing:
    """What the tokens of this deployment have in common. `lifetime` is in seconds."""

    api: LoginApi
    issuer: str
    lifetime: int
    resources: Resources
    offered: OfferedScopes
    patience: Patience = field(default_factory=Patience)


class TokenEndpoint(Endpoint):
    """Reads each request itself, which the SDK's handler does less strictly, and leaves the decisions about
    codes, verifiers and refresh tokens to that handler."""

    def __init__(self, issuing: Issuing, clients: Clients, limit: Limit, bodies: Bodies) -> None:
        super().__init__(limit)
        self._issuing = issuing
        self._clients = clients
        self._bodies = bodies

    async def _answer(self, request: HttpRequest, address: str) -> Response:
        form = await read_form(request, self._bodies)
        grant = form.get("grant_type")
        if grant is None:
            raise EndpointError(400, "invalid_request", form.lack("grant_type"))
        if grant not in SERVED:
            says = f"The grant types here are {', '.join(SERVED)}."
            raise EndpointError(400, "unsupported_grant_type", says)
        credentials = Credentials.of(request, form)
        if grant == CLIENT_CREDENTIALS:
            return await self._for_service(credentials, form, address)
        return await self._for_client(credentials, form)

    async def _for_client(self, credentials: Credentials, form: Parameters) -> Response:
        if credentials.client_id.startswith(SERVICE):
            raise EndpointError(400, "unauthorized_client", f"A service uses {CLIENT_CREDENTIALS}.")
        try:
            known = partial(self._clients.holding_a_grant, credentials.client_id)
            client = await self._issuing.patience.ask(known)
        except UnknownClient as error:
            raise credentials.refused(str(error)) from None
        grants: Any = _Grants(self._issuing, client, form)
        read = credentials.in_form(_readable(form, self._issuing.offered))
        answer: Response = await TokenHandler(grants, ClientAuthenticator(grants)).handle(with_form(read))
        if answer.status_code == 401 and credentials.in_header:
            answer.headers.update(BASIC)
        return answer

    async def _for_service(self, credentials: Credentials, form: Parameters, address: str) -> Response:
        """A service acts as itself (RFC 6749, section 4.4)."""
        if not credentials.client_id.startswith(SERVICE):
            raise EndpointError(400, "unauthorized_client", f"Only a service may use {CLIENT_CREDENTIALS}.")
        issuing = self._issuing
        audience = issuing.resources.audience(form.get("resource"))
        if audience is None:
            raise EndpointError(400, "invalid_target", _WRONG_TARGET)
        try:
            scopes = issuing.offered.asked(form.get("scope")) if form.get("scope") else []
            issued = partial(
                issuing.api.service_token,
                credentials.client_id,
                secret=credentials.secret or "",
                scopes=scopes,
                issuer=issuing.issuer,
                audience=audience,
                lifetime=issuing.lifetime,
                address=address,
            )
            tokens = await issuing.patience.ask(issued)
        except InvalidScopeError as error:
            raise EndpointError(400, "invalid_scope", error.message) from None
        except (SignInRefused, Unknown):
            raise credentials.refused("The service is not known, or its secret is wrong.") from None
        except WrongRequest as error:
            raise EndpointError(400, "invalid_scope", error.sentence) from None
        shown = _shown(tokens).model_dump(mode="json", exclude_none=True)
        return JSONResponse(shown, headers=NEVER_KEPT)


@dataclass
class _Grants:
    """What the SDK's handler asks about one request, whose client has been found and whose form has been
    read. The API answers."""

    issuing: Issuing
    client: Client
    form: Parameters

    async def get_client(self, client_id: str) -> Client:  # noqa: ARG002  it has been found already
        return self.client

    async def load_authorization_code(self, client: Client, code: str) -> AuthorizationCode | None:
        try:
            read = await self.issuing.patience.ask(partial(self.issuing.api.read_code, code))
        except (Unknown, WrongRequest):
            return None
        if read.client_id != client.client_id or not self._has_redirect_uri_of(read):
            return None
        return AuthorizationCode(
            code=code,
            scopes=read.scopes,
            expires_at=read.expires_at,
            client_id=read.client_id,
            code_challenge=read.challenge,
            redirect_uri=_UNUSED,
            redirect_uri_provided_explicitly=False,
            resource=read.resource,
            subject=read.subject,
        )

    async def exchange_authorization_code(self, client: Client, code: AuthorizationCode) -> OAuthToken:
        redeemed = partial(
            self.issuing.api.redeem_code,
            code.code,
            client_id=client.client_id,
            issuer=self.issuing.issuer,
            audience=self._audience(code.resource),
            lifetime=self.issuing.lifetime,
        )
        try:  # a code that comes twice looks stolen
            tokens = await self.issuing.patience.ask(redeemed, is_repeatable=False)
        except Unknown:
            raise TokenError("invalid_grant", "authorization code does not exist") from None
        return _shown(tokens)

    async def load_refresh_token(self, client: Client, token: str) -> RefreshToken | None:
        try:
            read = await self.issuing.patience.ask(partial(self.issuing.api.read_refresh, token))
        except (Unknown, WrongRequest):
            return None
        if read.client_id != client.client_id:
            return None
        return RefreshToken(
            token=token,
            client_id=read.client_id,
            scopes=read.scopes,
            expires_at=int(read.expires_at),
            resource=read.resource,
            subject=read.subject,
        )

    async def exchange_refresh_token(
        self, client: Client, token: RefreshToken, scopes: Sequence[str]
    ) -> OAuthToken:
        redeemed = partial(
            self.issuing.api.redeem_refresh,
            token.token,
            client_id=client.client_id,
            scopes=scopes,
            issuer=self.issuing.issuer,
            audience=self._audience(token.resource),
            lifetime=self.issuing.lifetime,
        )
        try:
            tokens = await self.issuing.patience.ask(redeemed)
        except Unknown:
            raise TokenError("invalid_grant", "refresh token does not exist") from None
        return _shown(tokens)

    def _has_redirect_uri_of(self, read: answers.CodeRead) -> bool:
        """Whether the form has the redirect URI of the authorization request, if that had one (RFC 6749,
        section 4.1.3)."""
        given = self.form.get("redirect_uri")
        return given == read.redirect_uri if given is not None else not read.redirect_uri_given

    def _audience(self, granted: str | None) -> str:
        """What the token is for: what the person agreed to, or a part of it (RFC 8707, section 2.2). Raises
        `TokenError`."""
        resources = self.issuing.resources
        asked = self.form.get("resource")
        audience = resources.audience(asked or granted)
        is_within = not granted or audience == resources.audience(granted)
        if audience is None or not is_within:
            raise TokenError("invalid_target", _WRONG_TARGET)
        return audience


_WRONG_TARGET = "The resource is none of this gateway's addresses, or not the one that was agreed to."


def _readable(form: Parameters, offered: OfferedScopes) -> Parameters:
    """The form without what has been looked at already, and without scopes that nobody offers."""
    scope = form.get("scope")
    known = " ".join(offered.known(scope)) if scope else ""
    read = form.without("redirect_uri", "resource")
    return Parameters({**read.values, "scope": known}) if known else read


def _shown(tokens: answers.Tokens) -> OAuthToken:
    return OAuthToken(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in - EARLY_SECONDS,
        scope=" ".join(tokens.scopes),
        refresh_token=tokens.refresh_token,
    )
