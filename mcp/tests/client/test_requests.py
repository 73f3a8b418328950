"""The requests that calls become, as they arrive at the API."""

from collections.abc import Mapping
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import settings_for
from tests.harness.misbehaving import answer, misbehaving, received
from toolbridge_mcp.client import ITEM, NO_MIRRORS, TOTAL, ApiClient, Call, Origin
from toolbridge_mcp.entities import NOTE
from toolbridge_mcp.http_clients import api_http
from toolbridge_mcp.identity import CallerToken
from toolbridge_mcp.outbound import ForwardedToken
from toolbridge_mcp.resilience import within
from toolbridge_mcp.transport import Signer

pytestmark = pytest.mark.anyio
UID = str(uuid4())
INFO = {
    "sessions": {"inBand": "new"},
    "entities": {"notes": {"kind": "note"}},
    "features": ["mirrors"],
    "signatures": {"versions": ["v2"], "process": "0123456789abcdef", "keys": ["default"]},
}


async def sent(*calls: Call) -> list[str]:
    """The heads of the requests that these calls become."""
    outbound = ForwardedToken(lambda: CallerToken("of.ann"))
    async with misbehaving(answer(b'{"uid": "0"}'), info=INFO) as api:
        settings = settings_for(api.url)
        signer = Signer.of(settings)
        async with ApiClient(lambda: api_http(settings, signer, outbound), signer) as client:
            with within(30):
                for call in calls:
                    await client.send(call, Origin("c-1", "a_tool", "a-client/1"))
    return api.requests


def target(head: str) -> str:
    return head.split(" ")[1]


TEXTS = [
    "",
    "a",
    "a b",
    "a+b",
    "a&b=c",
    "ä ☃ 😀",
    "%41%",
    "/?#[]@!$'()*,;:",
    '"<>\\^`{|}~-._',
    "\r\n\t\0",
    "\x7f",
]


@pytest.mark.parametrize("text", TEXTS, ids=quote)
async def test_a_query_is_encoded_as_httpx_does_it(text: str) -> None:
    once: Mapping[str, str] = {"q": text, "limit": "5", text or "empty": "x"}
    repeated = (("uid", "1"), ("uid", text), ("uid", "3"))
    calls = [
        Call("GET", "/v1/items", query=once),
        Call("GET", "/v1/items", repeated=repeated),
        Call("GET", "/v1/items", query=once, repeated=repeated, wishes=(NO_MIRRORS, TOTAL)),
        Call("GET", "/v1/items", query=once, wishes=(NO_MIRRORS,)),
    ]
    mirrors = ("mirrors", "false")
    expected: list[list[tuple[str, str | int | float | bool | None]]] = [
        [*once.items()],
        [*repeated],
        [*once.items(), *repeated, mirrors],
        [*once.items(), mirrors],
    ]
    for head, params in zip(await sent(*calls), expected, strict=True):
        assert target(head).encode() == httpx.Request("GET", "http://a/v1/items", params=params).url.raw_path


async def test_a_read_and_what_it_says_of_itself() -> None:
    (head,) = await sent(Call("GET", ITEM, NOTE, UID, wishes=(NO_MIRRORS, TOTAL)))
    assert head.startswith(f"GET /v1/notes/{UID}?mirrors=false HTTP/1.1\r\nHost: 127.0.0.1:")
    headers = received(head)
    assert len(headers) == len(headers.raw)
    assert sorted(headers) == [
        *("accept", "accept-encoding", "authorization", "host", "signature", "signature-input"),
        *("user-agent", "x-correlation-id", "x-request-timeout-ms", "x-sync-session", "x-tb-client"),
        *("x-tb-tenant-id", "x-tb-tool"),
    ]
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Authorization"] == "Bearer of.ann"
    assert headers["X-Sync-Session"] == "new"
    assert headers["X-TB-Tool"] == "a_tool"


async def test_a_write_says_its_length_type_key_and_condition() -> None:
    body = {"title": "ä"}
    plain, empty = await sent(
        Call("PATCH", ITEM, NOTE, UID, body=body, if_match=3), Call("POST", f"{ITEM}/archive", NOTE, UID)
    )
    headers = received(plain)
    assert headers["Content-Length"] == str(len('{"title":"ä"}'.encode()))
    assert headers["Content-Type"] == "application/json"
    assert headers["If-Match"] == "3"
    assert headers["Idempotency-Key"] == headers["X-Correlation-ID"] == "c-1"
    assert received(empty)["Content-Length"] == "0"
    assert "Content-Type" not in received(empty)
