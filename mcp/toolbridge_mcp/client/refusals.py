"""Turns an answer that is not a success into an error."""

from collections.abc import Mapping

import httpx
from pydantic_core import from_json

from toolbridge_mcp.client.codes import meaning_of
from toolbridge_mcp.errors import NoSuchOperation, ToolBridgeError
from toolbridge_mcp.retry_after import retry_after_seconds

MAX_MESSAGE = 500
GATEWAY_STATUSES = frozenset({502, 504})


def refusal(answer: httpx.Response) -> ToolBridgeError:
    """The error for an answer that is not a success.

    It quotes the API's sentence for a status below 500 only: what the API says about its own failures may
    reveal internals.
    """
    body = _error_body(answer)
    error = _situation(answer.status_code, body)
    return error(
        _message(body) if answer.status_code < 500 else "",
        correlation_id=answer.headers.get("X-Correlation-ID", ""),
        wait_seconds=retry_after_seconds(answer.headers.get("Retry-After", "")),
    )


def is_from_the_api(answer: httpx.Response) -> bool:
    """Whether the API gave this answer itself. A 502 or 504 without the API's `code` comes from a proxy in
    between that did not reach the API."""
    return answer.status_code not in GATEWAY_STATUSES or "code" in _error_body(answer)


def _situation(status: int, body: Mapping[str, object]) -> type[ToolBridgeError]:
    """The API says in JSON that an item is missing. A 404 without it is about the route: the first generation
    says so in plain text."""
    if status == httpx.codes.NOT_FOUND and not body:
        return NoSuchOperation
    return meaning_of(status, _code(body))


def _code(body: Mapping[str, object]) -> str:
    """The first generation has no `code`; where it is sure of one, it is the text of `error`."""
    return str(body.get("code", body.get("error", "")))


def _message(body: Mapping[str, object]) -> str:
    message = str(body.get("error", ""))
    return "" if message == _code(body) else message[:MAX_MESSAGE].rstrip(".")


def _error_body(answer: httpx.Response) -> Mapping[str, object]:
    """The JSON object of the answer; empty if it holds none."""
    try:
        body = from_json(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
