"""The revocation endpoint (RFC 7009)."""

from dataclasses import dataclass
from typing import Any

from mcp.server.auth.handlers.revoke import RevocationHandler
from mcp.server.auth.middleware.client_auth import ClientAuthenticator
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.clients import Client, Clients, UnknownClient
from toolbridge_mcp.login.credentials import Credentials
from toolbridge_mcp.login.failures import Unknown, WrongRequest
from toolbridge_mcp.login.forms import read_form, with_form
from toolbridge_mcp.login.limits import Limit
from toolbridge_mcp.login.parameters import Parameters
from toolbridge_mcp.login.refused import Endpoint, EndpointError


class RevocationEndpoint(Endpoint):
    """Ends the connection that a token belongs to, if it is the client's own. Whether it was one is not told
    (RFC 7009, section 2.2)."""

    def __init__(self, api: LoginApi, clients: Clients, limit: Limit, bodies: Bodies) -> None:
        super().__init__(limit)
        self._api = api
        self._clients = clients
        self._bodies = bodies

    async def _answer(self, request: HttpRequest, address: str) -> Response:  # noqa: ARG002
        form = await read_form(request, self._bodies)
        if form.get("token") is None:
            raise EndpointError(400, "invalid_request", form.lack("token"))
        credentials = Credentials.of(request, form)
        try:
            client = await self._clients.holding_a_grant(credentials.client_id)
        except UnknownClient as error:
            raise credentials.refused(str(error)) from None
        tokens: Any = _Tokens(self._api, client)
        read = Parameters(
            {"client_secret": "", **credentials.in_form(form.without("token_type_hint")).values}
        )
        answer = await RevocationHandler(tokens, ClientAuthenticator(tokens)).handle(with_form(read))
        if answer.status_code == 401:
            raise credentials.refused("The client's secret is missing or wrong.")
        return answer


@dataclass
class _Tokens:
    """What the SDK's handler asks about one token. The API knows whose it is, and of which kind."""

    api: LoginApi
    client: Client

    async def get_client(self, client_id: str) -> Client:  # noqa: ARG002  it has been found already
        return self.client

    async def load_access_token(self, token: str) -> AccessToken:
        return AccessToken(token=token, client_id=self.client.client_id, scopes=[])

    async def load_refresh_token(self, client: Client, token: str) -> None:
        """Never needed: `load_access_token` has taken the token."""

    async def revoke_token(self, token: AccessToken) -> None:
        try:
            await self.api.revoke_token(token.token, client_id=token.client_id)
        except (Unknown, WrongRequest):
            return
