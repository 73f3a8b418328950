"""The sign-in through FastMCP's proxy as a part of the gateway: its routes, its tokens, and its readiness."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from toolbridge_mcp.auth import Keys, KeysUnavailable, UserTokenVerifier
from toolbridge_mcp.auth.keys import Signed
from toolbridge_mcp.http_clients import client_for
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.login.limits import Limit, registration_limit, token_limit
from toolbridge_mcp.login.proxy.clients import Clients
from toolbridge_mcp.login.proxy.folder import Folder, FolderSecret, WrongFolder, derived
from toolbridge_mcp.login.proxy.pages import Pages
from toolbridge_mcp.login.proxy.provider import CALLBACK, Provider, ScopeNames
from toolbridge_mcp.login.proxy.public import Bounded, application, page_limit
from toolbridge_mcp.login.proxy.swap import SwappedTokens
from toolbridge_mcp.login.proxy.trouble import ProviderUnavailable
from toolbridge_mcp.login.proxy.upstream import TokenClient, WrongDescription, description
from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.login.scopes import OfferedScopes
from toolbridge_mcp.settings import Settings, WrongSetting
from toolbridge_mcp.web.metadata import AUTHORIZATION_SERVER, OPENID, document_routes

logger = logging.getLogger(__name__)

PROVIDER_SECONDS = 10
"""How long the provider may take for tokens."""

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds between attempts to read the provider's description; the last again and again."""

TIDY_SECONDS = 60.0
OFFLINE = "offline_access"

PAGES = {"/authorize": ["GET", "POST"], "/consent": ["GET", "POST"], CALLBACK: ["GET"]}
"""What people see, or their browsers pass through."""

NOT_READ = "Nobody can sign in: TOOLBRIDGE_PROXY_CONFIG_URL could not be read yet."


class ProxySignIn:
    """Made at the start, before the provider is asked anything. While its description could not be read,
    sign-in and tokens are answered with 503, and `keys` are not known; it is tried again all the time."""

    def __init__(
        self,
        settings: Settings,
        *,
        outside: httpx.AsyncClient,
        tenant_keys: Keyring,
        keys: Keys,
        verifier: UserTokenVerifier,
        resources: Resources,
    ) -> None:
        """Raises `WrongSetting` for a folder that cannot be used."""
        self._settings = settings
        self._outside = outside
        self._verifier = verifier
        self._resources = resources
        folder = Path(settings.proxy_folder or "")
        try:
            self._secret = FolderSecret(folder, tenant_keys)
        except WrongFolder as error:
            raise WrongSetting("PROXY_FOLDER", str(error)) from error
        self._folder = Folder(folder, self._secret.value)
        self._provider: Provider | None = None
        self._http: httpx.AsyncClient | None = None
        self._app: ASGIApp | None = None
        self.problem = NOT_READ
        """Why nobody can sign in; empty if people can."""

        self.keys: Keys = _KnownKeys(keys, self)
        self.tokens = SwappedTokens(verifier, keys, self._known, takes_others=_has_access_tokens(settings))

    def pages(self) -> list[Route]:
        """What people use, so that no foreign page may."""
        bounded = Bounded(self._served, page_limit())
        return [Route(path, bounded, methods=methods) for path, methods in PAGES.items()]

    def endpoints(self) -> list[Route]:
        """What clients use, also in pages of others."""
        tokens = token_limit()
        limits: dict[str, Limit] = {"/token": tokens, "/revoke": tokens, "/register": registration_limit()}
        return [
            *document_routes(AUTHORIZATION_SERVER, self._metadata),
            *document_routes(OPENID, self._metadata),
            *(Route(path, Bounded(self._served, limit), methods=["POST"]) for path, limit in limits.items()),
        ]

    def _served(self) -> ASGIApp | None:
        return self._app

    async def _metadata(self, _: Request) -> Response:
        """What clients have to know (RFC 8414)."""
        base = self._settings.issuer_url
        document = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "registration_endpoint": f"{base}/register",
            "revocation_endpoint": f"{base}/revoke",
            "scopes_supported": list(self._settings.requested_scopes),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "client_id_metadata_document_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=300"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reads the provider's description, and keeps the folder tidy."""
        tasks = [asyncio.create_task(self._keep_reading()), asyncio.create_task(self._keep_tidy())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.tokens.aclose()
            if self._http is not None:
                await self._http.aclose()

    async def _known(self) -> Provider:
        if self._provider is None:
            raise KeysUnavailable
        return self._provider

    async def _keep_reading(self) -> None:
        attempt = 0
        while self._provider is None:
            try:
                await self._read()
            except ProviderUnavailable:
                self._tell(NOT_READ)
            except WrongDescription as error:
                self._tell(f"Nobody can sign in: {error}")
            except WrongSetting as error:
                self._tell(f"Nobody can sign in: {error.sentence}")
            else:
                self.problem = ""
                return
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1

    async def _keep_tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            with suppress(OSError):
                self._secret.look()
                await self._folder.purge()

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            logger.error("the identity provider's description cannot be used", extra={"problem": problem})
        self.problem = problem

    async def _read(self) -> None:
        """Makes the proxy. Raises `ProviderUnavailable`, `WrongDescription`, or `WrongSetting` for the way to
        the provider."""
        given = self._settings
        found = await description(given.proxy_config_url or "", given.jwt_issuer or "", self._outside)
        secret = given.proxy_client_secret.get_secret_value() if given.proxy_client_secret else ""
        client = given.proxy_client_id or "", secret
        urls = [str(url) for url in (found.token_endpoint, found.revocation_endpoint) if url]
        self._http = client_for(urls, PROVIDER_SECONDS)
        provider = Provider(
            issuer=given.issuer_url or "",
            found=found,
            upstream=TokenClient(self._http, *client, given.proxy_client_authentication),
            client=client,
            verifier=self._verifier,
            takes_id_token=not _has_access_tokens(given),
            clients=Clients(_offered(given), derived(self._secret.value, "clients")),
            scopes=_scopes(given, found.scopes_supported or ()),
            resources=self._resources,
            extra=dict(_pair(word) for word in given.proxy_authorize_parameters),
            pages=Pages(
                base=given.issuer_url or "",
                product=given.login_name,
                color=given.login_color,
                provider=str(found.authorization_endpoint),
                scopes=list(_names(given)),
            ),
            folder=self._folder,
            signing_key=derived(self._secret.value, "tokens"),
        )
        provider.when_ended = self.tokens.end
        self._app = application(provider.get_routes())
        self._provider = provider


class _KnownKeys:
    """The keys of the provider's tokens. They are known only when the provider is, so that a gateway where
    nobody can sign in is not ready."""

    def __init__(self, keys: Keys, sign_in: ProxySignIn) -> None:
        self._keys = keys
        self._sign_in = sign_in

    @property
    def algorithms(self) -> list[str]:
        return self._keys.algorithms

    async def verify(self, algorithm: str, key_id: str | None, signed: Signed) -> bool:
        return await self._keys.verify(algorithm, key_id, signed)

    async def are_known(self) -> bool:
        return await self._keys.are_known() and not self._sign_in.problem

    @property
    def lack(self) -> str:
        return self._keys.lack or self._sign_in.problem

    @property
    def generation(self) -> int:
        return self._keys.generation

    @property
    def number(self) -> int:
        return self._keys.number

    @property
    def age(self) -> float:
        return self._keys.age


def _names(given: Settings) -> Mapping[str, str]:
    """The names of the two scopes in a token, by those under which clients ask for them."""
    return {
        given.advertised_scope_read or given.scope_read: given.scope_read,
        given.advertised_scope_write or given.scope_write: given.scope_write,
    }


def _offered(given: Settings) -> OfferedScopes:
    names = _names(given)
    read, write = names
    return OfferedScopes(read, write, {in_token: name for name, in_token in names.items()})


def _scopes(given: Settings, served: Collection[str]) -> ScopeNames:
    """`served` are the scopes that the provider names."""
    usual = ("openid", OFFLINE) if OFFLINE in served else ("openid",)
    return ScopeNames(given.proxy_scopes or usual, _has_access_tokens(given), _names(given))


def _has_access_tokens(given: Settings) -> bool:
    return given.proxy_token == "access_token"  # noqa: S105  a kind of token


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value
