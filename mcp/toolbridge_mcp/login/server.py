"""The authorization server of this deployment, put together."""

from collections.abc import Sequence

from starlette.routing import Route

from toolbridge_mcp.login.authorization import Authorization
from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.clients import Clients
from toolbridge_mcp.login.documents import Documents
from toolbridge_mcp.login.endpoints import AuthorizationEndpoint, ErrorPage
from toolbridge_mcp.login.limits import registration_limit, token_limit
from toolbridge_mcp.login.metadata import ServerMetadata
from toolbridge_mcp.login.registration import RegistrationEndpoint
from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.login.revocation import RevocationEndpoint
from toolbridge_mcp.login.scopes import OfferedScopes
from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.login.tokens import Issuing, TokenEndpoint
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.web import Address, ToolsetsInAddresses


class AuthorizationServer:
    """OAuth's endpoints. `authorization` decides for them, and for the page where a person agrees."""

    def __init__(
        self, settings: Settings, login: Login, address: Address, toolsets: ToolsetsInAddresses
    ) -> None:
        api, keys, issuer = login.api, login.keys, login.issuer
        offered = _offered(settings)
        resources = Resources(issuer, address, settings.every_host, toolsets)
        documents = Documents(are_read=settings.login_documents)
        clients = Clients(offered, keys.seal, documents)
        issuing = Issuing(api, issuer, settings.login_access_seconds, resources, offered)
        bodies, tokens = Bodies(), token_limit()
        self.authorization = Authorization(api, clients, resources, issuer)
        self._metadata = ServerMetadata(
            issuer, offered.every, keys.published, reads_documents=documents.are_read
        )
        self._tokens = TokenEndpoint(issuing, clients, tokens, bodies)
        self._revocation = RevocationEndpoint(api, clients, tokens, bodies)
        self._registration = RegistrationEndpoint(keys.seal, offered, registration_limit(), bodies)

    def documents(self) -> Sequence[Route]:
        """What pages of every site may use: they are clients, too."""
        return [
            *self._metadata.routes(),
            Route("/token", self._tokens.answer, methods=["POST"]),
            Route("/revoke", self._revocation.answer, methods=["POST"]),
            Route("/register", self._registration.answer, methods=["POST"]),
        ]

    def routes(self, page: ErrorPage) -> Sequence[Route]:
        """What no foreign page may use. `page` is for a person whose client's request is not in order."""
        return AuthorizationEndpoint(self.authorization, page).routes()


def _offered(settings: Settings) -> OfferedScopes:
    read, write = settings.scope_read, settings.scope_write
    called = {settings.advertised_scope_read: read, settings.advertised_scope_write: write}
    return OfferedScopes(read, write, {name: scope for name, scope in called.items() if name})
