"""FastMCP's `OIDCProxy`, with what it leaves open."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from authlib.integrations.base_client import OAuthError
from fastmcp.server.auth import TokenVerifier
from fastmcp.server.auth.handlers.authorize import AuthorizationHandler
from fastmcp.server.auth.oauth_proxy.models import UpstreamTokenSet
from fastmcp.server.auth.oidc_proxy import OIDCConfiguration, OIDCProxy
from joserfc.errors import JoseError
from mcp.server.auth.handlers.revoke import RevocationHandler
from mcp.server.auth.middleware.client_auth import ClientAuthenticator
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    RefreshToken,
    TokenError,
)
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from toolbridge_mcp.auth import KeysUnavailable
from toolbridge_mcp.identity import AccessToken as VerifiedToken
from toolbridge_mcp.login.forms import with_form
from toolbridge_mcp.login.parameters import Parameters
from toolbridge_mcp.login.proxy.clients import Clients
from toolbridge_mcp.login.proxy.folder import Folder
from toolbridge_mcp.login.proxy.pages import Pages, is_browser
from toolbridge_mcp.login.proxy.trouble import ProviderUnavailable, noted
from toolbridge_mcp.login.proxy.upstream import FAMILY, TokenClient
from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.single_flight import SingleFlight

logger = logging.getLogger(__name__)

CALLBACK = "/auth/callback"
"""Where the provider sends people back to. Operators register it there."""

GRACE_SECONDS = 60
"""How long a refresh token that has been used gets the same answer again: some clients refresh from two
addresses at once, and some lose the answer. After that, its use ends the sign-in (RFC 9700, section 4.14.2).
"""

REFRESH_SECONDS = 180 * 24 * 60 * 60
"""How long a client may refresh after its user has signed in, if the provider does not say. The provider may
end it sooner."""

CODE_SECONDS = 5 * 60

MICROSOFTS = "/oauth2/v2.0/token"
"""How the token endpoints of Microsoft's identity platform end, in all of its clouds."""

_CSRF_FIELD = re.compile(rb'name="csrf_token" value="([A-Za-z0-9_-]+)"')
_ANSWERS, _USED, _ENDED = "toolbridge-answers", "toolbridge-used-codes", "toolbridge-ended"


class Verifier(Protocol):
    async def verify_token(self, token: str) -> VerifiedToken | None: ...


class UpstreamTokens(TokenVerifier):
    """The verification of the provider's tokens, for FastMCP."""

    def __init__(self, verifier: Verifier) -> None:
        super().__init__()
        self._verifier = verifier

    async def verify_token(self, token: str) -> VerifiedToken | None:
        try:
            return await self._verifier.verify_token(token)
        except KeysUnavailable as trouble:
            raise noted(trouble) from None


@dataclass(frozen=True, slots=True)
class Granted:
    """What a client was given: whom it acts for, and until when. `family` names what came of one sign-in."""

    token: VerifiedToken
    """The provider's, as our own verifier has found it, with the client and the scopes of ours."""

    family: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class ScopeNames:
    """The scopes that the provider is always asked for, whether it is also asked for the client's, and what
    the names under which clients ask are in a token."""

    always: tuple[str, ...]
    with_clients: bool
    in_token: Mapping[str, str]

    def upstream(self, asked: list[str]) -> list[str]:
        return list(dict.fromkeys([*self.always, *(asked if self.with_clients else ())]))

    def narrowed(self, allowed: list[str], asked: str) -> list[str]:
        """The scopes that a token allows, without those of ours that its client did not ask for."""
        wanted = {self.in_token.get(name, name) for name in asked.split(" ")}
        ours = set(self.in_token.values())
        return [name for name in allowed if name in wanted or name not in ours]


class Provider(OIDCProxy):
    """The proxy. Beside FastMCP's work:

    - the provider's tokens are verified by our own verifier, and asked for through our own HTTP client;
    - clients are kept by nobody (`Clients`), and every address of ours is a resource;
    - a refresh that comes twice gets one answer, and tokens end with the sign-in that they came of.
    """

    def __init__(
        self,
        *,
        issuer: str,
        found: OIDCConfiguration,
        upstream: TokenClient,
        client: tuple[str, str],
        verifier: Verifier,
        takes_id_token: bool,
        clients: Clients,
        scopes: ScopeNames,
        resources: Resources,
        extra: Mapping[str, str],
        pages: Pages,
        folder: Folder,
        signing_key: bytes,
    ) -> None:
        self._issuer, self._found, self._upstream = issuer, found, upstream
        self._clients, self._scopes, self._resources = clients, scopes, resources
        self._pages, self._folder = pages, folder
        self._refreshes: SingleFlight[OAuthToken] = SingleFlight()
        self._redeeming: set[str] = set()
        self.when_ended: Callable[[str], None] = lambda _: None
        super().__init__(
            config_url=AnyHttpUrl("https://described.invalid"),  # it is described by `found`
            client_id=client[0],
            client_secret=client[1],
            token_verifier=UpstreamTokens(verifier),
            verify_id_token=takes_id_token,
            base_url=issuer,
            redirect_path=CALLBACK,
            client_storage=folder,
            jwt_signing_key=signing_key,
            require_authorization_consent=True,
            forward_resource=False,
            extra_authorize_params=dict(extra),
            fallback_refresh_token_expiry_seconds=REFRESH_SECONDS,
            enable_cimd=False,
        )
        self.issuer_url = issuer  # type: ignore[assignment]  # the text that clients compare
        self.revocation_options = RevocationOptions(
            enabled=True
        )  # ends a sign-in here, whatever the provider can
        self.client_registration_options = ClientRegistrationOptions(enabled=True)  # `Clients` knows scopes
        self.set_mcp_path(None)

    def get_oidc_configuration(self, *_: object, **__: object) -> OIDCConfiguration:
        """FastMCP would ask the provider in here, while nothing else runs."""
        return self._found

    def _create_upstream_oauth_client(self) -> Any:
        return self._upstream

    def _uses_alternate_verification(self) -> bool:
        """Of an ID token, FastMCP would hand on the access token beside it, which nobody has verified."""
        return False

    # Clients

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return await self._clients.find(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self._clients.register(client_info)

    # Sign-in

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        if self._resources.audience(params.resource) is None:
            says = "The resource is none of this gateway's addresses."
            raise AuthorizeError("invalid_target", says)  # RFC 8707, section 2
        return await super().authorize(client, params.model_copy(update={"resource": None}))

    def _build_upstream_authorize_url(self, txn_id: str, transaction: dict[str, Any]) -> str:
        scopes = self._scopes.upstream(transaction["scopes"])
        return super()._build_upstream_authorize_url(txn_id, {**transaction, "scopes": scopes})

    async def _show_consent_page(self, request: Request) -> Any:
        """FastMCP's page has the token that proves that the form is ours, and its cookie."""
        theirs = await super()._show_consent_page(request)
        token = _CSRF_FIELD.search(theirs.body)
        asked = await self._transaction_store.get(key=request.query_params.get("txn_id", ""))
        client = await self._clients.find(asked.client_id) if asked else None
        if token is None or asked is None or client is None:
            return self._pages.wrong(400, "The sign-in is too old, or its client is not known any more.")
        ours = self._pages.consent(
            client, asked.client_redirect_uri, asked.scopes, asked.txn_id, token[1].decode()
        )
        ours.raw_headers.extend(line for line in theirs.raw_headers if line[0] == b"set-cookie")
        return ours

    async def _submit_consent(self, request: Request) -> Any:
        return self._as_page(await super()._submit_consent(request))

    async def _handle_idp_callback(self, request: Request) -> Any:
        return self._as_page(await super()._handle_idp_callback(request))

    def _as_page(self, theirs: Response) -> Response:
        """A page of ours in place of one that says what went wrong."""
        if theirs.status_code >= 500:
            logger.warning("a sign-in failed", extra={"status": theirs.status_code})
        return theirs if theirs.status_code < 400 else self._pages.wrong(theirs.status_code)

    async def _authorize(self, request: Request) -> Response:
        """FastMCP's answer; a page where it would send a browser to another site with an error. Anyone may
        have registered that site, so nobody gets there without a click."""
        scope = {**request.scope, "headers": [line for line in request.headers.raw if line[0] != b"accept"]}
        handler = AuthorizationHandler(
            provider=self, base_url=AnyHttpUrl(self._issuer), issuer_url=self.issuer_url
        )
        answer = await handler.handle(Request(scope, request.receive))
        if not is_browser(request):
            return answer
        to = answer.headers.get("location", "")
        if not to:
            return self._pages.wrong(answer.status_code, _description(answer))
        is_ours = to.startswith(f"{self._issuer}/consent?")
        return self._pages.onward(to) if to.startswith("https:") and not is_ours else answer

    def _prepare_scopes_for_token_exchange(self, scopes: list[str]) -> list[str]:
        """None, as OAuth has it; Microsoft's endpoints demand them (AADSTS28003)."""
        is_microsofts = self._upstream_token_endpoint.endswith(MICROSOFTS)
        return self._scopes.upstream(scopes) if is_microsofts else []

    def _prepare_scopes_for_upstream_refresh(self, scopes: list[str]) -> list[str]:
        return self._scopes.upstream(scopes)

    async def _extract_upstream_claims(self, idp_tokens: dict[str, Any]) -> dict[str, Any]:
        return {FAMILY: idp_tokens.get(FAMILY, "")}

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        """A code that is used twice ends what came of it (RFC 6749, section 4.1.2)."""
        found = await super().load_authorization_code(client, authorization_code)
        if found is None:
            used = await self._folder.get(authorization_code, collection=_USED)
            if used is not None:
                await self._end(used["family"])
        return found

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        code = authorization_code.code
        if code in self._redeeming:
            raise TokenError("invalid_grant", "The code has been used.")
        self._redeeming.add(code)
        try:
            tokens = await super().exchange_authorization_code(client, authorization_code)
            used = {"family": self._family_of(tokens.access_token)}
            await self._folder.put(code, used, collection=_USED, ttl=CODE_SECONDS)
            return tokens
        finally:
            self._redeeming.discard(code)

    # Refreshes

    async def load_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: str
    ) -> RefreshToken | None:
        claims = self._claims(refresh_token, "refresh")
        if claims is None or claims["client_id"] != client.client_id or await self._is_ended(claims):
            return None
        found = await super().load_refresh_token(client, refresh_token)
        if found is not None:
            return found
        if await self._answer(refresh_token) is None and not await self._is_being_used(refresh_token, claims):
            return None
        return RefreshToken(
            token=refresh_token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
        )

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        return await self._refreshes.run(
            lambda: self._refresh(client, refresh_token, scopes), _hashed(refresh_token.token)
        )

    async def _is_being_used(self, refresh_token: str, claims: Mapping[str, Any]) -> bool:
        """Whether a refresh token that has been used has an answer yet, when whoever uses it now is done. If
        not, somebody has a copy, and its sign-in ends."""
        async with self._folder.locked("family", _family(claims)):
            if await self._answer(refresh_token) is not None:
                return True
        logger.warning("a refresh token was used again, so its sign-in ends")
        await self._end(_family(claims))
        return False

    async def _refresh(
        self, client: OAuthClientInformationFull, token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        """One at a time for each sign-in, on all machines: a provider may end one whose refresh token comes
        twice."""
        family = self._family_of(token.token, "refresh")
        async with self._folder.locked("family", family):
            answer = await self._answer(token.token)
            if answer is not None:
                return answer
            kept = await self._token_set(token.token)
            if kept is None:
                raise TokenError("invalid_grant", "The sign-in is over.")
            try:
                async with self._get_refresh_lock(kept.upstream_token_id):
                    answer = await super().exchange_refresh_token(client, token, scopes)
            except TokenError as error:
                if isinstance(error.__cause__, OAuthError):  # the provider says so
                    await self._end(family)
                raise
            content = answer.model_dump(mode="json")
            await self._folder.put(_hashed(token.token), content, collection=_ANSWERS, ttl=GRACE_SECONDS)
            return answer

    def _get_refresh_lock(self, token_id: str) -> Any:
        """FastMCP's own is for one machine."""
        return self._folder.locked("tokens", token_id)

    async def _answer(self, refresh_token: str) -> OAuthToken | None:
        kept = await self._folder.get(_hashed(refresh_token), collection=_ANSWERS)
        return OAuthToken.model_validate(kept) if kept else None

    # Tokens

    async def load_access_token(self, token: str) -> VerifiedToken | None:
        granted = await self.granted(token)
        return granted.token if granted else None

    async def granted(self, token: str) -> Granted | None:
        """What a token of ours stands for, None if it is not valid. Raises `KeysUnavailable` if that cannot
        be found out now."""
        claims = self._claims(token, "access")
        if claims is None or await self._is_ended(claims):
            return None
        found = await super().load_access_token(token)
        if not isinstance(found, VerifiedToken):
            return None
        verified = VerifiedToken(
            token=found.token,
            client_id=claims["client_id"],
            scopes=self._scopes.narrowed(found.scopes, claims["scope"]),
            expires_at=found.expires_at,
            subject=found.subject,
            claims=found.claims,
        )
        return Granted(verified, _family(claims), min(claims["exp"], found.expires_at or claims["exp"]))

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        """FastMCP's, with a `/revoke` that public clients can use: the SDK's demands a `client_secret`."""
        ours = [
            Route("/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/revoke", self._revoke, methods=["POST"]),
        ]
        return [*ours, *super().get_routes(mcp_path)]

    async def _revoke(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        handler = RevocationHandler(self, ClientAuthenticator(self))
        return await handler.handle(with_form(Parameters({"client_secret": "", **form})))

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        """Ends the sign-in that the token came of, here at once and at the provider if that serves it."""
        if not isinstance(token, RefreshToken):
            found = token.claims if isinstance(token, VerifiedToken) else {}
            await self._end(found.get("upstream_claims", {}).get(FAMILY, ""))
            return
        kept = await self._token_set(token.token)
        await self._end(self._family_of(token.token, "refresh"))
        if self._upstream_revocation_endpoint and kept is not None and kept.refresh_token:
            try:
                await self._upstream.revoke(self._upstream_revocation_endpoint, kept.refresh_token)
            except ProviderUnavailable:
                logger.warning("a sign-in that was ended here could not be ended at the identity provider")

    async def _token_set(self, refresh_token: str) -> UpstreamTokenSet | None:
        claims = self._claims(refresh_token, "refresh")
        found = await self._jti_mapping_store.get(key=claims["jti"]) if claims else None
        return await self._upstream_token_store.get(key=found.upstream_token_id) if found else None

    async def _end(self, family: str) -> None:
        if family:
            await self._folder.put(family, {"at": time.time()}, collection=_ENDED, ttl=REFRESH_SECONDS)
            self.when_ended(family)

    async def _is_ended(self, claims: Mapping[str, Any]) -> bool:
        return await self._folder.get(_family(claims), collection=_ENDED) is not None

    def _claims(self, token: str, use: str) -> dict[str, Any] | None:
        try:
            return self.jwt_issuer.verify_token(token, expected_token_use=use)
        except (JoseError, ValueError):
            return None

    def _family_of(self, token: str, use: str = "access") -> str:
        return _family(self._claims(token, use) or {})


def _family(claims: Mapping[str, Any]) -> str:
    name: str = claims.get("upstream_claims", {}).get(FAMILY, "")
    return name


def _description(answer: Response) -> str:
    try:
        return str(json.loads(bytes(answer.body)).get("error_description", ""))
    except (ValueError, AttributeError):
        return ""


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
