"""The forms that clients post, read once."""

from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.types import Message

from toolbridge_mcp.login.bodies import Bodies
from toolbridge_mcp.login.parameters import MalformedParameters, Parameters
from toolbridge_mcp.login.refused import EndpointError

FORM = "application/x-www-form-urlencoded"


def is_form(request: HttpRequest) -> bool:
    """Whether a request says that its body is a form, with whatever parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


async def read_form(request: HttpRequest, bodies: Bodies) -> Parameters:
    """The parameters of a form, each once (RFC 6749, section 3.2). Raises `EndpointError`."""
    if not is_form(request):
        raise EndpointError(400, "invalid_request", f"Send the parameters as {FORM}.")
    try:
        form = Parameters.of(await bodies.read(request))
    except MalformedParameters as error:
        raise EndpointError(400, "invalid_request", str(error)) from None
    if form.repeated:
        raise EndpointError(400, "invalid_request", form.lack(form.repeated[0]))
    return form


def with_form(form: Parameters) -> HttpRequest:
    """A request with this form only, for a handler of the SDK."""
    return with_body(form.encoded(), FORM)


def with_body(content: bytes, kind: str) -> HttpRequest:
    """A request with this body only, for a handler of the SDK."""

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    headers = [(b"content-type", kind.encode())]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
    return HttpRequest(scope, receive)
