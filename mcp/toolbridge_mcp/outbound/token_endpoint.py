"""Requests to the token endpoint of an OAuth authorization server (RFC 6749, section 3.2)."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from toolbridge_mcp.errors import (
    TokenServiceMisconfigured,
    TokenServiceRefused,
    TokenServiceUnavailable,
    ToolBridgeError,
)
from toolbridge_mcp.retry_after import retry_after_seconds
from toolbridge_mcp.settings import Settings

logger = logging.getLogger(__name__)

DELAYS = (0.2, 0.8)
"""Seconds before the second and the third attempt."""

DEFAULT_WAIT_SECONDS = 5
"""How long a model should wait before it repeats a call, if the token service does not say."""

DEFAULT_LIFETIME = 60
"""Seconds for which a token is used if the response has no `expires_in` (RFC 6749, section 5.1)."""

MARGIN_SECONDS = 30.0
"""How long before its expiry a token is renewed, but at most a fifth of its lifetime."""

_HEADERS = {"Accept": "application/json"}
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_ABOUT_THE_SUBJECT = frozenset({"invalid_request", "invalid_grant", "access_denied", "invalid_token"})
"""Error codes about the token to exchange (RFC 8693, section 2.2.2). Any other is about this gateway."""


@dataclass(frozen=True)
class IssuedToken:
    """A token, and the Unix times at which to renew it and at which it expires."""

    value: str = field(repr=False)
    renew_at: float
    expires_at: float


class _Answer(BaseModel):
    access_token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~+/-]+=*$")]
    token_type: Annotated[str, StringConstraints(pattern=r"(?i)^bearer$")]
    expires_in: float = Field(default=DEFAULT_LIFETIME, gt=0, allow_inf_nan=False)


class TokenEndpoint:
    """The token endpoint, as one client of the authorization server uses it."""

    def __init__(
        self,
        url: str,
        http: httpx.AsyncClient,
        *,
        client: tuple[str, str],
        in_body: bool = False,
        parameters: Mapping[str, str] | None = None,
        delays: Sequence[float] = DELAYS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`client` is id and secret. They are sent in the `Authorization` header, or `in_body` in the form.

        `delays` are the seconds before each further attempt.
        """
        self._url = url
        self._http = http
        self._client = client
        self._in_body = in_body
        self._parameters = parameters or {}
        self._delays = delays
        self.now = now

    @classmethod
    def of(cls, settings: Settings, http: httpx.AsyncClient) -> Self:
        """The endpoint of checked settings whose mode is `exchange` or `client_credentials`."""
        secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
        wanted = {
            "audience": settings.outbound_audience,
            "scope": settings.outbound_scope,
            "resource": settings.outbound_resource,
        }
        return cls(
            settings.token_url or "",
            http,
            client=(settings.client_id or "", secret),
            in_body=settings.client_authentication == "client_secret_post",
            parameters={name: value for name, value in wanted.items() if value is not None},
        )

    async def issue(self, grant: Mapping[str, str]) -> IssuedToken:
        """A token for `grant`. Network errors and 5xx are retried, refusals are not.

        Raises `TokenServiceRefused` when the token to exchange is refused, `TokenServiceMisconfigured` when
        the gateway is refused or gets no bearer token, and `TokenServiceUnavailable` for 429 and after the
        last attempt.
        """
        form = {**grant, **self._parameters}
        for delay in (*self._delays, None):
            asked_at = self.now()
            try:
                answer = await self._post(form)
            except httpx.TransportError as error:
                reason = type(error).__name__
            except httpx.DecodingError:
                raise _no_token() from None
            else:
                if answer.status_code < 500:
                    return _issued(answer, asked_at)
                reason = str(answer.status_code)
            if delay is not None:
                await asyncio.sleep(delay)
        raise _unavailable(reason)

    async def _post(self, form: Mapping[str, str]) -> httpx.Response:
        identity, secret = self._client
        if self._in_body:
            named = {**form, "client_id": identity, "client_secret": secret}
            return await self._http.post(self._url, data=named, headers=_HEADERS)
        # RFC 6749, section 2.3.1, with %20 for a space, which servers of both readings understand.
        basic = httpx.BasicAuth(quote(identity, safe=""), quote(secret, safe=""))
        return await self._http.post(self._url, data=form, auth=basic, headers=_HEADERS)


def _issued(answer: httpx.Response, asked_at: float) -> IssuedToken:
    if not answer.is_success:
        raise _refusal(answer)
    try:
        issued = _Answer.model_validate_json(answer.content)
    except ValidationError:
        raise _no_token() from None  # not even as the cause: its text quotes the answer
    margin = min(MARGIN_SECONDS, issued.expires_in / 5)
    expires_at = asked_at + issued.expires_in
    return IssuedToken(issued.access_token, expires_at - margin, expires_at)


def _no_token() -> TokenServiceMisconfigured:
    logger.warning("the token service's answer is no bearer token")
    return TokenServiceMisconfigured()


def _refusal(answer: httpx.Response) -> ToolBridgeError:
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return _unavailable("429", retry_after_seconds(answer.headers.get("Retry-After", "")))
    code = _error_code(answer)
    logger.warning("the token service refused", extra={"status": answer.status_code, "error": code})
    return TokenServiceRefused() if code in _ABOUT_THE_SUBJECT else TokenServiceMisconfigured()


def _error_code(answer: httpx.Response) -> str:
    """The `error` of RFC 6749, section 5.2. Its description is ignored, since it may quote a token."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    code = str(body.get("error", "")) if isinstance(body, dict) else ""
    return code if _ERROR_CODE.fullmatch(code) else ""


def _unavailable(reason: str, seconds: int | None = None) -> TokenServiceUnavailable:
    logger.warning("the token service is not available", extra={"reason": reason})
    return TokenServiceUnavailable(
        facts={"retry_after": DEFAULT_WAIT_SECONDS if seconds is None else seconds}
    )
