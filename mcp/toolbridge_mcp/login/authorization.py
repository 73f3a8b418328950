"""What a client asks for at the authorization endpoint, and what it gets (RFC 6749, section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.provider import AuthorizationParams
from mcp.shared.auth import InvalidRedirectUriError
from starlette.requests import Request as HttpRequest

from toolbridge_mcp.login import answers
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.clients import Client, Clients, UnknownClient
from toolbridge_mcp.login.limits import TooMany
from toolbridge_mcp.login.parameters import MalformedParameters, Parameters, challenge_problem, described
from toolbridge_mcp.login.redirects import Place, answer_url, place_of
from toolbridge_mcp.login.resources import Resources


@dataclass(frozen=True, slots=True)
class Request:
    """A request for authorization that is in order. Nothing is kept of it: each step of the sign-in brings
    the query along, and has it checked anew."""

    client: answers.Client
    """Who asks. The name is the client's own word, unless `is_proven`."""

    is_proven: bool
    """Whether the client's metadata document at `client.host` says who it is and where answers go."""

    redirect_uri: str
    redirect_uri_given: bool
    place: Place
    """Where the answer goes, for people."""

    scopes: tuple[str, ...]
    """What the person may allow, or a part of it."""

    resource: str | None
    state: str | None
    challenge: str


@dataclass(eq=False)
class Refusal(Exception):
    """A request for authorization that is not in order. `code` is of RFC 6749, section 4.1.2.1.

    `redirect` is where the client learns of it; None if the client, or its redirect URI, is not known for
    sure. Then only the person can be told. To a site (`place`) nobody is sent on without a click: anyone may
    register one, and would have a redirector under this deployment's name (RFC 9700, section 4.11.2).
    """

    code: str
    sentence: str
    redirect: str | None = None
    place: Place | None = None
    status: int = 400
    wait_seconds: int | None = None


class Authorization:
    """Checks requests for authorization, and answers them. `issuer` is in each answer (RFC 9207)."""

    def __init__(self, api: LoginApi, clients: Clients, resources: Resources, issuer: str) -> None:
        self._api = api
        self._clients = clients
        self._resources = resources
        self._issuer = issuer

    async def check(self, query: bytes | str, address: str) -> Request:
        """What a query asks for; `address` is that of the caller (`web.ledger.address_of`). Raises `Refusal`,
        or a `LoginError` if the API cannot be asked."""
        try:
            given = Parameters.of_query(query)
        except MalformedParameters as error:
            raise Refusal("invalid_request", str(error)) from None
        client = await self._client(given, address)
        redirect_uri = self._redirect_uri(client, given)
        try:
            return await self._checked(client, redirect_uri, given)
        except _Wrong as wrong:
            raise self._refusal(wrong.code, wrong.sentence, redirect_uri, given.get("state")) from None

    async def grant(self, request: Request, session: str, scopes: Sequence[str]) -> str:
        """The address to which the browser goes with a code, for the person of this session, who allows these
        scopes. Raises a `LoginError`: `Unknown` if the session has ended."""
        allowed = [scope for scope in request.scopes if scope in scopes]
        if not allowed:
            raise ValueError("nothing of what was asked is allowed")
        code = await self._api.issue_code(
            session,
            client=request.client,
            redirect_uri=request.redirect_uri,
            redirect_uri_given=request.redirect_uri_given,
            challenge=request.challenge,
            scopes=allowed,
            resource=request.resource,
        )
        return answer_url(request.redirect_uri, code=code, state=request.state, iss=self._issuer)

    def deny(self, request: Request) -> str:
        """The address to which the browser goes when the person does not agree."""
        return answer_url(
            request.redirect_uri,
            error="access_denied",
            error_description="The user did not agree.",
            state=request.state,
            iss=self._issuer,
        )

    async def _client(self, given: Parameters, address: str) -> Client:
        client_id = given.get("client_id")
        if client_id is None:
            raise Refusal("invalid_request", given.lack("client_id"))
        try:
            return await self._clients.find(client_id, address)
        except UnknownClient as error:
            raise Refusal("invalid_client", str(error)) from None
        except TooMany as error:
            says = f"Too many new clients ask here; try again in {error.wait_seconds} seconds."
            raise Refusal(
                "temporarily_unavailable", says, status=429, wait_seconds=error.wait_seconds
            ) from None

    def _redirect_uri(self, client: Client, given: Parameters) -> str:
        if given.is_repeated("redirect_uri"):
            raise Refusal("invalid_request", given.lack("redirect_uri"))
        try:
            return client.redirect_for(given.get("redirect_uri"))
        except InvalidRedirectUriError as error:
            raise Refusal("invalid_request", error.message) from None

    async def _checked(self, client: Client, redirect_uri: str, given: Parameters) -> Request:
        """Raises `_Wrong`."""
        if given.repeated:
            raise _Wrong("invalid_request", given.lack(given.repeated[0]))
        params = await self._params(client, given)
        if problem := challenge_problem(given):
            raise _Wrong("invalid_request", problem)
        if self._resources.audience(params.resource) is None:
            raise _Wrong("invalid_target", "The resource is none of this gateway's addresses.")
        place = place_of(redirect_uri)
        return Request(
            client=answers.Client(
                id=client.client_id, name=client.client_name or place.name, host=client.host or place.name
            ),
            is_proven=bool(client.host),
            redirect_uri=redirect_uri,
            redirect_uri_given=given.get("redirect_uri") is not None,
            place=place,
            scopes=tuple(params.scopes or ()),
            resource=params.resource,
            state=params.state,
            challenge=params.code_challenge,
        )

    async def _params(self, client: Client, given: Parameters) -> AuthorizationParams:
        """What the SDK's handler makes of the request, whose redirect URI has been decided already. Raises
        `_Wrong` with its error."""
        seen: Any = _Seen(client)
        query = given.without("redirect_uri").encoded()
        request = HttpRequest({"type": "http", "method": "GET", "headers": [], "query_string": query})
        answer = await AuthorizationHandler(seen).handle(request)
        if seen.params is None:
            error = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
            raise _Wrong(error.get("error", "server_error"), described(error.get("error_description", "")))
        params: AuthorizationParams = seen.params
        return params

    def _refusal(self, code: str, sentence: str, redirect_uri: str, state: str | None) -> Refusal:
        redirect = answer_url(
            redirect_uri, error=code, error_description=sentence, state=state, iss=self._issuer
        )
        return Refusal(code, sentence, redirect, place_of(redirect_uri))


class _Wrong(Exception):
    """What is wrong with a request whose client and redirect URI are known."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__()
        self.code = code
        self.sentence = sentence


@dataclass
class _Seen:
    """What the SDK's handler asks for clients, and tells what it has read of a request that is in order."""

    client: Client
    params: AuthorizationParams | None = field(default=None, init=False)

    async def get_client(self, client_id: str) -> Client:  # noqa: ARG002  it has been found already
        return self.client

    async def authorize(self, client: Any, params: AuthorizationParams) -> str:  # noqa: ARG002
        self.params = params
        return "/consent"
