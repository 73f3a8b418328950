"""The API's routes for signing in, which take the tenant's signature in place of a user's token."""

import asyncio
import json
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import ValidationError

from toolbridge_mcp.errors import BadAnswer, NotReached, TimedOut
from toolbridge_mcp.login import answers
from toolbridge_mcp.login.failures import CODES, LoginError, LoginOff, LoginUnavailable, WrongRequest
from toolbridge_mcp.retry_after import retry_after_seconds
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import AnswerLost, Pool, Request, Response, Signer, TenantTransport

FOLDER = "/v1/login/"
SECONDS = 10.0
CONNECTIONS = 16
"""To the API at once. Calls have connections of their own, so no crowd at the sign-in takes theirs."""

WITH_PASSWORD = {"sessions/begin", "sessions/password", "links/redeem"}
"""Routes at which requests wait for each other, as hashing takes turns. They have connections of their own,
so that no crowd there holds up a client that refreshes its token, or a user who is signed in."""

CROWD = 64
"""Their connections: as many as the API lets wait. It tells further ones at once."""

A = TypeVar("A", bound=answers.Answer)


class LoginApi:
    """Each method is one request, and raises a `LoginError` when the API does not do it.

    Who speaks for whom is decided by secrets alone: that of a browser's session, of a link, of a code, of a
    refresh token. An `address` is that of the person or the program, for the limits on attempts.
    """

    def __init__(self, transport: TenantTransport, with_password: TenantTransport) -> None:
        """`with_password` takes the requests of the routes of that name."""
        self._transport = transport
        self._with_password = with_password

    @classmethod
    def of(cls, settings: Settings, signer: Signer) -> Self:
        url = settings.go_api_base_url
        return cls(
            TenantTransport(Pool.of(url, CONNECTIONS), base_url=url, signer=signer),
            TenantTransport(Pool.of(url, CROWD), base_url=url, signer=signer),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(self._transport.aclose(), self._with_password.aclose())

    async def state(self, seconds: float = SECONDS) -> answers.State:
        return _read(answers.State, await self._send("GET", "state", b"", seconds))

    async def add_account(
        self, name: str, *, shown: str | None = None, subject: str | None = None
    ) -> answers.AccountWithLink:
        return await self._post(
            answers.AccountWithLink, "accounts/add", name=name, shown=shown, subject=subject
        )

    async def accounts(self, after: str | None = None, limit: int | None = None) -> answers.Accounts:
        return await self._post(answers.Accounts, "accounts/list", after=after, limit=limit)

    async def account_named(self, name: str) -> answers.Account:
        return (await self._post(answers.AccountFound, "accounts/find", name=name)).account

    async def new_link(self, account: str, purpose: answers.Purpose) -> answers.AccountWithLink:
        return await self._post(answers.AccountWithLink, "accounts/link", id=account, purpose=purpose)

    async def disable(self, account: str) -> answers.Account:
        return (await self._post(answers.AccountFound, "accounts/disable", id=account)).account

    async def enable(self, account: str) -> answers.Account:
        return (await self._post(answers.AccountFound, "accounts/enable", id=account)).account

    async def unlock(self, account: str) -> answers.Account:
        return (await self._post(answers.AccountFound, "accounts/unlock", id=account)).account

    async def remove(self, account: str) -> None:
        await self._post(answers.Nothing, "accounts/remove", id=account)

    async def read_link(self, token: str) -> answers.LinkRead:
        """What a link is for. This does not use it up."""
        return await self._post(answers.LinkRead, "links/read", token=token)

    async def redeem_link(self, token: str, *, password: str, address: str) -> answers.SessionBegun:
        return await self._post(
            answers.SessionBegun, "links/redeem", token=token, password=password, address=address
        )

    async def begin_session(
        self, name: str, *, password: str, address: str, browser: str | None = None
    ) -> answers.SessionBegun:
        return await self._post(
            answers.SessionBegun,
            "sessions/begin",
            name=name,
            password=password,
            address=address,
            browser=browser,
        )

    async def read_session(self, session: str) -> answers.SessionRead:
        return await self._post(answers.SessionRead, "sessions/read", session=session)

    async def end_session(self, session: str, *, everywhere: bool = False) -> None:
        """Ends the session, or all of its user's and all connections too."""
        await self._post(answers.Nothing, "sessions/end", session=session, everywhere=everywhere)

    async def change_password(
        self, session: str, *, current: str, password: str, address: str
    ) -> answers.SessionBegun:
        """The user's other sessions end."""
        return await self._post(
            answers.SessionBegun,
            "sessions/password",
            session=session,
            current=current,
            password=password,
            address=address,
        )

    async def issue_code(
        self,
        session: str,
        *,
        client: answers.Client,
        redirect_uri: str,
        redirect_uri_given: bool,
        challenge: str,
        scopes: Sequence[str],
        resource: str | None,
    ) -> str:
        issued = await self._post(
            answers.CodeIssued,
            "codes/issue",
            session=session,
            client=client.model_dump(),
            redirectUri=redirect_uri,
            redirectUriGiven=redirect_uri_given,
            challenge=challenge,
            scopes=list(scopes),
            resource=resource,
        )
        return issued.code

    async def read_code(self, code: str) -> answers.CodeRead:
        """What a code stands for. One that was used before raises `Unknown`, and ends what came of it."""
        return await self._post(answers.CodeRead, "codes/read", code=code)

    async def redeem_code(
        self, code: str, *, client_id: str, issuer: str, audience: str, lifetime: int
    ) -> answers.Tokens:
        return await self._post(
            answers.Tokens,
            "codes/redeem",
            code=code,
            clientId=client_id,
            issuer=issuer,
            audience=audience,
            lifetime=lifetime,
        )

    async def read_refresh(self, token: str) -> answers.RefreshRead:
        return await self._post(answers.RefreshRead, "refresh/read", token=token)

    async def redeem_refresh(
        self,
        token: str,
        *,
        client_id: str,
        scopes: Sequence[str],
        issuer: str,
        audience: str,
        lifetime: int,
    ) -> answers.Tokens:
        return await self._post(
            answers.Tokens,
            "refresh/redeem",
            token=token,
            clientId=client_id,
            scopes=list(scopes),
            issuer=issuer,
            audience=audience,
            lifetime=lifetime,
        )

    async def revoke_token(self, token: str, *, client_id: str) -> None:
        """Ends the connection of a refresh token or an access token, if it is this client's."""
        await self._post(answers.Nothing, "tokens/revoke", token=token, clientId=client_id)

    async def connections(self, session: str) -> Sequence[answers.Connection]:
        return (await self._post(answers.Connections, "connections/list", session=session)).connections

    async def end_connection(self, session: str, connection: str) -> None:
        await self._post(answers.Nothing, "connections/end", session=session, id=connection)

    async def add_service(self, name: str, scopes: Sequence[str]) -> answers.ServiceAdded:
        return await self._post(answers.ServiceAdded, "services/add", name=name, scopes=list(scopes))

    async def services(self) -> Sequence[answers.Service]:
        return (await self._post(answers.Services, "services/list")).services

    async def revoke_service(self, service: str) -> answers.Service:
        return (await self._post(answers.ServiceFound, "services/revoke", id=service)).service

    async def service_token(
        self,
        service: str,
        *,
        secret: str,
        scopes: Sequence[str],
        issuer: str,
        audience: str,
        lifetime: int,
        address: str,
    ) -> answers.Tokens:
        return await self._post(
            answers.Tokens,
            "services/token",
            id=service,
            secret=secret,
            scopes=list(scopes),
            issuer=issuer,
            audience=audience,
            lifetime=lifetime,
            address=address,
        )

    async def rotate_keys(self, *, withdraw: bool) -> Sequence[answers.SigningKey]:
        """Makes a new signing key. With `withdraw` the older ones are not accepted from now on."""
        return (await self._post(answers.SigningKeys, "keys/rotate", withdraw=withdraw)).keys

    async def _post(self, answer: type[A], route: str, **members: Any) -> A:
        given = {name: value for name, value in members.items() if value is not None}
        content = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return _read(answer, await self._send("POST", route, content, SECONDS))

    async def _send(self, method: str, route: str, content: bytes, seconds: float) -> Response:
        target = FOLDER + route
        transport = self._with_password if route in WITH_PASSWORD else self._transport
        headers = {"Host": transport.host, "Accept": "application/json", "Accept-Encoding": "identity"}
        if method == "POST":
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        request = Request(method, target, headers, content, until=time.monotonic() + seconds, route=target)
        try:
            answer = await transport.send(request)
        except (NotReached, AnswerLost, BadAnswer, TimedOut) as error:
            raise LoginUnavailable from error
        if not answer.is_success:
            raise _failure(answer)
        return answer


def _read(answer: type[A], response: Response) -> A:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError:
        raise LoginUnavailable from None


def _failure(answer: Response) -> LoginError:
    body = _object(answer.content)
    said, code = body.get("error"), body.get("code")
    wait = retry_after_seconds(answer.header("Retry-After"))
    kind = CODES.get(code) if isinstance(code, str) else None
    if kind is None and answer.status == httpx.codes.NOT_FOUND:
        kind = LoginOff
    if kind is None:
        kind = WrongRequest if answer.status < httpx.codes.INTERNAL_SERVER_ERROR else LoginUnavailable
    is_about_the_request = answer.status < httpx.codes.INTERNAL_SERVER_ERROR
    return kind(said if isinstance(said, str) and is_about_the_request else "", wait)


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
