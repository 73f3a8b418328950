"""Notes what a gateway of a test is confided, in its process."""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from pydantic_core import from_json

from tests.harness.log_search import FOLDER, Kind, confide, confide_texts
from toolbridge_mcp.transport import Signer
from toolbridge_mcp.web.entry import authentication
from toolbridge_mcp.web.messages import PostedMessage

TOLD = ("_meta", "capabilities", "clientInfo", "name", "protocolVersion")
"""Parameters of messages that are no secret: who the client is, what it speaks and what it calls."""

MOST_BYTES = 100_000
"""Of a larger message nothing is noted: it is one of many alike."""


def note() -> None:
    """Makes the gateway that this process will start note what it sees, if the run is to be searched."""
    if FOLDER not in os.environ:
        return
    note_requests()
    _after(authentication, "_bearer_token", lambda token, _: confide(Kind.TOKEN, token))
    _after(PostedMessage, "__init__", lambda _, arguments: _note_message(arguments[0].body))


def note_requests() -> None:
    """Makes every gateway in this process note what it sends to the API."""
    _after(Signer, "headers", _note_request)


def _after(owner: Any, name: str, then: Callable[[Any, tuple[Any, ...]], object]) -> None:
    """Calls `then` with what a function has returned, and with its arguments."""
    function = getattr(owner, name)

    @wraps(function)
    def noted(*arguments: Any) -> Any:
        returned = function(*arguments)
        then(returned, arguments)
        return returned

    setattr(owner, name, noted)


def _note_request(headers: dict[str, str], arguments: tuple[Any, ...]) -> None:
    for signature in signatures_in(headers):
        confide(Kind.SIGNATURE, signature)
    given = getattr(arguments[1], "headers", {})
    sent = {name.lower(): value for name, value in given.items()}
    confide(Kind.TOKEN, sent.get("authorization", "").removeprefix("Bearer "))


def signatures_in(headers: Mapping[str, str]) -> Iterator[str]:
    """What of a signature no log may hold: the proof itself, and the random part of its nonce."""
    if proof := headers.get("X-TB-Signature"):
        yield proof
    if proof := headers.get("Signature"):
        yield proof.partition(":")[2]
        yield headers["Signature-Input"].partition('nonce="')[2].partition('"')[0].rpartition(".")[2]


def _note_message(body: bytes) -> None:
    try:
        message = from_json(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        return
    params = message.get("params") if isinstance(message, dict) else None
    if isinstance(params, dict):
        confide_texts({name: value for name, value in params.items() if name not in TOLD})
