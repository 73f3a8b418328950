"""The custom transport: what it adds, what it refuses, what it makes of failures."""

import hmac
from collections.abc import AsyncIterator

import httpx
import pytest
from pytest_httpx import HTTPXMock

from toolbridge_mcp.errors import Unavailable
from toolbridge_mcp.transport import TenantTransport
from toolbridge_mcp.transport.tenant import AnswerLost

pytestmark = pytest.mark.anyio
API = "http://127.0.0.1:8081"
SECRET = b"0123456789abcdef0123456789abcdef"


class Caller:
    """The identity of the moment, and the time."""

    token: str | None = "the.users.token"
    now = 1_700_000_000.123

    async def bearer_token(self) -> str | None:
        return self.token


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
async def http(caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    transport = TenantTransport(
        httpx.AsyncHTTPTransport(),
        base_url=API,
        tenant_id="tenant-a",
        secret=SECRET,
        bearer_token=caller.bearer_token,
        now=lambda: caller.now,
    )
    async with httpx.AsyncClient(transport=transport, base_url=API, trust_env=False) as client:
        yield client


async def test_every_request_is_signed_for_its_own_time(
    http: httpx.AsyncClient, caller: Caller, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(is_reusable=True)
    for now in (1_700_000_000.123, 1_700_000_060.5):
        caller.now = now
        await http.get("/v1/notes")
    for request, timestamp in zip(httpx_mock.get_requests(), ("1700000000123", "1700000060500"), strict=True):
        expected = hmac.new(SECRET, f"tenant-a:{timestamp}".encode(), "sha256").hexdigest()
        assert request.headers["X-TB-Tenant-ID"] == "tenant-a"
        assert request.headers["X-TB-Timestamp"] == timestamp
        assert request.headers["X-TB-Signature"] == expected


async def test_the_token_is_that_of_the_moment(
    http: httpx.AsyncClient, caller: Caller, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(is_reusable=True)
    for token in ("one", "two", None):
        caller.token = token
        await http.get("/v1/notes")
    sent = [request.headers.get("Authorization") for request in httpx_mock.get_requests()]
    assert sent == ["Bearer one", "Bearer two", None]


async def test_identity_and_signature_cannot_be_given_by_the_request(
    http: httpx.AsyncClient, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response()
    forged = {"Authorization": "Bearer forged", "X-TB-Tenant-ID": "other", "x-tb-signature": "00"}
    await http.get("/v1/notes", headers=forged)
    (request,) = httpx_mock.get_requests()
    assert request.headers.get_list("Authorization") == ["Bearer the.users.token"]
    assert request.headers.get_list("X-TB-Tenant-ID") == ["tenant-a"]
    assert len(request.headers.get_list("X-TB-Signature")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1/notes",
        "http://127.0.0.1:8082/v1/notes",
        "http://127.0.0.1/v1/notes",
        "https://127.0.0.1:8081/v1/notes",
        "http://localhost:8081/v1/notes",
        "http://127.0.0.1.example.com:8081/v1/notes",
    ],
)
async def test_another_host_gets_nothing(url: str, http: httpx.AsyncClient, httpx_mock: HTTPXMock) -> None:
    with pytest.raises(ValueError, match="configured API only"):
        await http.get(url)
    assert httpx_mock.get_requests() == []


async def test_an_unreachable_api_is_unavailable(http: httpx.AsyncClient, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("All connection attempts to 127.0.0.1:8081 failed"))
    with pytest.raises(Unavailable) as caught:
        await http.get("/v1/notes")
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("late"),
        httpx.ConnectTimeout("late"),
        httpx.WriteError("cut"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("half an answer"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_an_answer_that_does_not_come_is_lost_not_unsent(
    failure: httpx.TransportError, http: httpx.AsyncClient, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(failure)
    with pytest.raises(AnswerLost):
        await http.post("/v1/notes", content=b"{}")


async def test_redirects_are_not_followed(http: httpx.AsyncClient, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=307, headers={"Location": "http://example.com/"})
    assert (await http.get("/v1/notes")).status_code == 307
    assert len(httpx_mock.get_requests()) == 1
