"""Requests of clients that go no further, and how their clients learn that."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from toolbridge_mcp.login.failures import LoginError, TooManyAttempts
from toolbridge_mcp.login.limits import Limit, TooMany
from toolbridge_mcp.login.parameters import described
from toolbridge_mcp.metrics import count_refusal
from toolbridge_mcp.web.ledger import address_of

UNKNOWN_CLIENT = 401
_TOO_MANY = 429
_REASONS = {
    400: "oauth_request",
    401: "oauth_client",
    408: "slow_body",
    413: "large_body",
    429: "oauth_limit",
}
"""Names in the metrics."""

NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
RETRY_SECONDS = 2


class EndpointError(Exception):
    """An error of RFC 6749, section 5.2, or of RFC 7591, section 3.2.2. The description is for people, and
    has nothing in it that the request held."""

    def __init__(
        self,
        status: int,
        code: str,
        description: str,
        headers: Mapping[str, str] | None = None,
        *,
        wait_seconds: int | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.description = described(description)
        self.headers = {**NEVER_KEPT, **(headers or {})}
        if wait_seconds is not None:
            self.headers["Retry-After"] = str(wait_seconds)

    def response(self) -> Response:
        body = {"error": self.code, "error_description": self.description}
        return JSONResponse(body, self.status, self.headers)


def too_many(error: TooMany) -> EndpointError:
    says = f"Too many requests; try again in {error.wait_seconds} seconds."
    return EndpointError(429, "temporarily_unavailable", says, wait_seconds=error.wait_seconds)


def unavailable(error: LoginError) -> EndpointError:
    """The API cannot be asked. A client that is told so keeps its tokens, and tries again."""
    says = "Signing in is not possible at the moment; try again."
    wait = error.wait_seconds or RETRY_SECONDS
    return EndpointError(503, "temporarily_unavailable", says, wait_seconds=wait)


class Endpoint(ABC):
    """An endpoint for programs. It answers whatever goes wrong, and counts it."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    async def answer(self, request: HttpRequest) -> Response:
        address = address_of(request.scope)
        response = await self._answered(request, address)
        status = response.status_code
        count(status)
        if 400 <= status < 500 and status != _TOO_MANY:
            self._limit.failed(address)
        return response

    async def _answered(self, request: HttpRequest, address: str) -> Response:
        try:
            self._limit.take(address)
            return await self._answer(request, address)
        except EndpointError as error:
            return error.response()
        except TooMany as error:
            return too_many(error).response()
        except TooManyAttempts as error:
            return too_many(TooMany(error.wait_seconds or RETRY_SECONDS)).response()
        except LoginError as error:
            return unavailable(error).response()

    @abstractmethod
    async def _answer(self, request: HttpRequest, address: str) -> Response:
        """Raises `EndpointError`, `TooMany` or a `LoginError`."""


def count(status: int) -> None:
    """Counts what a client did wrong, by the status of its answer."""
    if reason := _REASONS.get(status):
        count_refusal(reason)
