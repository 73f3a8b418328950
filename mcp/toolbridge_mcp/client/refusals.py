"""Turns an answer that is not a success into an error."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from toolbridge_mcp.client.codes import CODES, meaning_of
from toolbridge_mcp.client.wording import as_tools_say, in_words
from toolbridge_mcp.errors import NO_FACTS, NoSuchOperation, Rejected, TenantRefused, ToolBridgeError
from toolbridge_mcp.rendering import one_line
from toolbridge_mcp.retry_after import retry_after_seconds
from toolbridge_mcp.transport import Response

MAX_MESSAGE = 300
MAX_PLAIN_BYTES = 1_000
"""A longer plain text is a page, not a sentence."""

NOT_FOUND = 404
GATEWAY_STATUSES = frozenset({502, 504})
ABOUT_THE_CALLER = frozenset({401, 403})

PRIVATE = re.compile(
    r"""eyJ[\w-]{5,} | \b[\da-f]{32,}\b | bearer\s+[\w.~+/-]{16,} | \w+:// | goroutine\s\d
    | \b\d{1,3}(?:\.\d{1,3}){3}\b | \b(?:localhost|[a-z][\w-]*(?:\.[\w-]+)+):\d{2,5}\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""What no sentence for a model holds: tokens, keys and signatures, addresses, and traces of a program."""

SCOPE = re.compile(r"[!#-\[\]-~]{1,100}")
"""One scope (RFC 6749, section 3.3), which may look like an address."""


def refusal(answer: Response) -> ToolBridgeError:
    """The error for an answer that is not a success.

    It quotes the API's sentence about the request only: what the API says about its own failures may reveal
    internals. A quota has a status above 500, and is about the request.
    """
    body = _error_body(answer)
    said = _sentence(body, answer)
    error = _situation(answer.status, body, said)
    about_the_request = answer.status < 500 or issubclass(error, Rejected)
    details = _details(body) if about_the_request else NO_FACTS
    return error(
        _quotable(as_tools_say(said)) if about_the_request else "",
        correlation_id=answer.header("X-Correlation-ID"),
        wait_seconds=retry_after_seconds(answer.header("Retry-After")),
        facts=_facts(details),
        details=details,
        more=in_words(_code(body), details),
    )


def is_from_the_api(answer: Response) -> bool:
    """Whether the API gave this answer itself. A 502 or 504 without the API's `code` comes from a proxy in
    between that did not reach the API."""
    return answer.status not in GATEWAY_STATUSES or "code" in _error_body(answer)


def _situation(status: int, body: Mapping[str, object], said: str) -> type[ToolBridgeError]:
    """The first generation has no codes and speaks of some things in plain text: of a route that it lacks,
    and of a tenant that it does not accept. Of a missing item it speaks in JSON."""
    if status == NOT_FOUND and not body:
        return NoSuchOperation
    code = _code(body)
    if not code and status in ABOUT_THE_CALLER and "tenant" in said.lower():
        return TenantRefused
    return meaning_of(status, code)


def _details(body: Mapping[str, object]) -> Mapping[str, Any]:
    """What the API says for programs; empty if it says nothing."""
    details = body.get("details")
    return details if isinstance(details, dict) else NO_FACTS


def _facts(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of the details stands in the texts of an error."""
    if isinstance(details.get("actual"), int):
        return {"actual": details["actual"]}
    if isinstance(scope := details.get("scope"), str) and SCOPE.fullmatch(scope):
        return {"scope": scope}
    return {"instead": "a heading that is there, or without one"} if "heading" in details else NO_FACTS


def _code(body: Mapping[str, object]) -> str:
    """The API's code. The first generation has none; in one case the text of `error` is a code."""
    code = body.get("code", body.get("error"))
    return code if isinstance(code, str) and ("code" in body or code in CODES) else ""


def _sentence(body: Mapping[str, object], answer: Response) -> str:
    """What the API says: in JSON, or as a line of plain text. That a page is not found helps nobody."""
    if body:
        said = body.get("error")
        return said if isinstance(said, str) and said not in CODES else ""
    plain = answer.header("Content-Type").startswith("text/plain")
    helps = plain and answer.status != NOT_FOUND and len(answer.content) <= MAX_PLAIN_BYTES
    return answer.text.strip() if helps else ""


def _quotable(said: str) -> str:
    """The sentence on one line, cut, and without its full stop. Empty if it holds anything private."""
    return "" if PRIVATE.search(said[: MAX_MESSAGE * 8]) else one_line(said, MAX_MESSAGE).rstrip(". ")


def _error_body(answer: Response) -> Mapping[str, object]:
    """The JSON object of the answer; empty if it holds none."""
    try:
        body = from_json(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
