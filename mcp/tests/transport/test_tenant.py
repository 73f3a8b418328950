"""The custom transport over real sockets: what it adds, what it refuses, and what failures mean."""

import asyncio
import gzip
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from tests.harness.misbehaving import (
    Behaviour,
    MisbehavingApi,
    after,
    answer,
    close,
    endless,
    misbehaving,
    raw,
    received,
    silent,
)
from tests.harness.processes import TENANT_HEADER_SECRET, TENANT_ID, free_port
from toolbridge_mcp.errors import AnswerTooLong, BadAnswer, NotReached
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.transport import UNTIL, AnswerLost, Pool, Request, Signer, TenantTransport
from toolbridge_mcp.transport.pool import SPARE_CONNECTIONS
from toolbridge_mcp.transport.signer import Choice
from toolbridge_mcp.transport.tenant import Scheme

pytestmark = pytest.mark.anyio
SIGNER = Signer(Keyring.of_secret(TENANT_HEADER_SECRET), TENANT_ID)
SECRET = "0123456789abcdef0123456789abcdef"
KEYS = Keyring.of_secret(SECRET)
OK = answer(b"{}")
HEAD = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def client_of(
    url: str,
    signer: Scheme = SIGNER,
    calls: int = 100,
) -> AsyncIterator[httpx.AsyncClient]:
    transport = TenantTransport(Pool.of(url, calls), base_url=url, signer=signer)
    async with httpx.AsyncClient(transport=transport, base_url=url, trust_env=False) as http:
        yield http


async def test_every_request_is_signed_for_its_own_time() -> None:
    times = [1_700_000_000.123, 1_700_000_060.5]
    signer = Signer(KEYS, "tenant-a", choice="v1", now=iter(times).__next__)
    async with misbehaving(OK) as api, client_of(api.url, signer) as http:
        for _ in times:
            await http.get("/v1/notes")
    for head, timestamp in zip(api.requests, ("1700000000123", "1700000060500"), strict=True):
        headers = received(head)
        expected = hmac.new(SECRET.encode(), f"tenant-a:{timestamp}".encode(), "sha256").hexdigest()
        assert headers["X-TB-Tenant-ID"] == "tenant-a"
        assert headers["X-TB-Timestamp"] == timestamp
        assert headers["X-TB-Signature"] == expected


FORGED = {
    "X-TB-Tenant-ID": "other",
    "x-tb-signature": "00",
    "X-Tb-Timestamp": "1",
    "signature": "tb=:00:",
    "signature-input": 'tb=("@method")',
    "content-digest": "sha-256=:00:",
}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("v1", {"x-tb-tenant-id", "x-tb-timestamp", "x-tb-signature"}),
        ("v2", {"x-tb-tenant-id", "signature", "signature-input"}),
    ],
)
async def test_a_request_cannot_bring_its_own_signature(choice: Choice, names: set[str]) -> None:
    async with misbehaving(OK) as api, client_of(api.url, Signer(KEYS, "tenant-a", choice=choice)) as http:
        await http.get("/v1/notes", headers=FORGED)
    headers = received(api.requests[0])
    assert {name.lower() for name in FORGED} & {name.lower() for name in headers} == names
    assert headers.get_list("X-TB-Tenant-ID") == ["tenant-a"]
    for name in names:
        (value,) = headers.get_list(name)
        assert value not in FORGED.values()


async def test_another_scheme_can_sign_method_target_headers_and_content() -> None:
    class Another:
        process = ""

        def headers(self, request: Request) -> dict[str, str]:
            parts = (request.method.encode(), request.target.encode(), request.headers["If-Match"].encode())
            text = b"\n".join((*parts, request.content))
            return {"Signature": hmac.new(SECRET.encode(), text, "sha256").hexdigest()}

        def learn(self, process: str, known: str) -> bool:  # noqa: ARG002  it has no processes
            return False

    async with misbehaving(OK) as api, client_of(api.url, Another()) as http:
        await http.put("/v1/notes/1?x=%20", content=b"{}", headers={"If-Match": "3"})
    expected = hmac.new(SECRET.encode(), b"PUT\n/v1/notes/1?x=%20\n3\n{}", "sha256").hexdigest()
    assert received(api.requests[0])["Signature"] == expected


ONE, OTHER = "1" * 32, "2" * 32


def refusing(process: str) -> Behaviour:
    return answer(b'{"code":"invalid_tenant"}', "401 Unauthorized", X_TB_Process=process)


def process_in(head: str) -> str:
    found = received(head)["Signature-Input"].partition('nonce="')[2]
    return found.partition(".")[0]


async def test_a_refusal_that_names_another_process_is_signed_and_sent_once_more() -> None:
    signer = Signer(KEYS, "tenant-a", choice="v2")
    async with misbehaving(refusing(ONE), OK) as api, client_of(api.url, signer) as http:
        answers = [await http.post("/v1/notes", content=b"{}", headers={"If-Match": "3"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert [process_in(head) for head in api.requests] == ["", ONE, ONE]
    first, second, _ = map(received, api.requests)
    changed = {"signature", "signature-input"}
    assert {name for name in first if first.get_list(name) != second.get_list(name)} == changed


@pytest.mark.parametrize(
    ("behaviours", "processes"),
    [
        ([refusing(ONE), refusing(OTHER), OK], ["", ONE]),
        ([refusing("")], [""]),
        ([refusing("too short")], [""]),
        ([answer(b"{}", "401 Unauthorized")], [""]),
        ([answer(b"{}", "403 Forbidden", X_TB_Process=ONE)], [""]),
    ],
    ids=["another process each time", "no process", "no process id", "no header", "another status"],
)
async def test_a_request_is_sent_twice_at_most(behaviours: list[Behaviour], processes: list[str]) -> None:
    signer = Signer(KEYS, "tenant-a", choice="v2")
    async with misbehaving(*behaviours) as api, client_of(api.url, signer) as http:
        assert (await http.post("/v1/notes", content=b"{}")).status_code in {401, 403}
    assert [process_in(head) for head in api.requests] == processes


async def test_the_process_that_is_known_already_is_no_reason_to_send_again() -> None:
    signer = Signer(KEYS, "tenant-a", choice="v2")
    signer.learn(ONE, "")
    async with misbehaving(refusing(ONE)) as api, client_of(api.url, signer) as http:
        assert (await http.get("/v1/notes")).status_code == 401
    assert len(api.requests) == 1


async def test_each_of_many_requests_at_once_is_sent_twice_at_most() -> None:
    signer = Signer(KEYS, "tenant-a", choice="v2")
    signer.learn(ONE, "")
    refusals = [after(0.1, refusing(OTHER))] * 20
    async with misbehaving(*refusals, OK) as api, client_of(api.url, signer) as http:
        answers = await asyncio.gather(*(http.get("/v1/notes") for _ in range(20)))
        assert {one.status_code for one in answers} == {200}
        assert len(api.requests) == 40
        await http.get("/v1/notes")
        assert len(api.requests) == 41


async def test_another_host_gets_nothing() -> None:
    async with misbehaving(OK) as api, misbehaving(OK) as other, client_of(api.url) as http:
        port = httpx.URL(api.url).port
        for url in (
            "http://example.com/v1/notes",
            f"{other.url}/v1/notes",
            "http://127.0.0.1/v1/notes",
            f"https://127.0.0.1:{port}/v1/notes",
            f"http://localhost:{port}/v1/notes",
            f"http://127.0.0.1.example.com:{port}/v1/notes",
        ):
            with pytest.raises(ValueError, match="configured API only"):
                await http.get(url)
        assert api.opened == other.opened == 0


async def test_redirects_are_not_followed() -> None:
    async with misbehaving(OK) as other:
        moved = answer(b"", "307 Temporary Redirect", Location=f"{other.url}/v1/notes")
        async with misbehaving(moved) as api, client_of(api.url) as http:
            assert (await http.get("/v1/notes")).status_code == 307
            assert len(api.requests) == 1
        assert other.opened == 0


async def test_a_connection_serves_again_once_its_answer_is_read() -> None:
    async with misbehaving(OK) as api, client_of(api.url) as http:
        for _ in range(3):
            assert (await http.get("/v1/sync/info")).json() == api.info
        assert api.opened == 1


async def half_an_answer(writer: asyncio.StreamWriter) -> None:
    """Sends the head and a part of the body, and keeps the connection."""
    writer.write(HEAD + b'Content-Length: 100\r\n\r\n{"uid"')
    await writer.drain()


BROKEN: dict[str, tuple[Behaviour, bool]] = {
    "closed at once": (close, False),
    "half a head": (raw(HEAD + b"Content-Le"), False),
    "half an answer": (raw(HEAD + b'Content-Length: 100\r\n\r\n{"uid"'), True),
    "half a chunked answer": (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"), True),
}


@pytest.mark.parametrize(("behaviour", "begun"), BROKEN.values(), ids=BROKEN)
async def test_a_connection_that_breaks_loses_the_answer(behaviour: Behaviour, begun: bool) -> None:
    async with misbehaving(behaviour) as api, client_of(api.url) as http:
        with pytest.raises(AnswerLost) as caught:
            await http.post("/v1/notes", content=b"{}")
        assert (caught.value.late, caught.value.begun) == (False, begun)
        assert len(api.requests) == 1
        await all_closed(api)


@pytest.mark.parametrize(("behaviour", "begun"), [(silent, False), (half_an_answer, True)])
async def test_an_answer_that_passes_the_deadline_is_lost(behaviour: Behaviour, begun: bool) -> None:
    async with misbehaving(behaviour) as api, client_of(api.url) as http:
        with pytest.raises(AnswerLost) as caught:
            await http.post("/v1/notes", content=b"{}", extensions={UNTIL: time.monotonic() + 1})
        assert (caught.value.late, caught.value.begun) == (True, begun)
        assert len(api.requests) == 1
        await all_closed(api)


async def test_an_answer_that_passes_the_clients_own_timeout_is_lost_too() -> None:
    async with misbehaving(silent) as api, client_of(api.url) as http:
        with pytest.raises(AnswerLost) as caught:
            await http.get("/v1/notes", timeout=httpx.Timeout(5, read=0.1))
        assert (caught.value.late, caught.value.begun) == (True, False)


NO_ANSWER: dict[str, tuple[Behaviour, type[BadAnswer]]] = {
    "not HTTP": (raw(b"\x16\x03\x01 garbage\r\n\r\n"), BadAnswer),
    "encoded": (answer(gzip.compress(b" " * 1_000_000), Content_Encoding="gzip"), BadAnswer),
    "without end": (endless, AnswerTooLong),
}


@pytest.mark.parametrize(("behaviour", "error"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_no_api_answers_is_a_bad_answer(behaviour: Behaviour, error: type[BadAnswer]) -> None:
    async with misbehaving(behaviour) as api, client_of(api.url) as http:
        with pytest.raises(BadAnswer) as caught:
            await http.get("/v1/notes")
        assert type(caught.value) is error
        await all_closed(api)


async def test_an_api_that_does_not_listen_was_not_reached() -> None:
    async with client_of(f"http://127.0.0.1:{free_port()}") as http:
        with pytest.raises(NotReached) as caught:
            await http.post("/v1/notes", content=b"{}")
    assert "127.0.0.1" not in str(caught.value)


async def test_without_a_free_connection_the_api_was_not_reached() -> None:
    async with misbehaving(silent) as api, client_of(api.url, calls=0) as http:
        waiting = [asyncio.create_task(http.get("/v1/notes")) for _ in range(SPARE_CONNECTIONS)]
        await api.until(lambda: len(api.requests) == SPARE_CONNECTIONS)
        with pytest.raises(NotReached):
            await http.get("/v1/notes", timeout=httpx.Timeout(None, pool=0.1))
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(api.requests) == SPARE_CONNECTIONS


async def all_closed(api: MisbehavingApi) -> None:
    """Returns when the API has seen every connection close. Fails after 5 s."""
    with anyio.fail_after(5):
        await api.until(lambda: api.closed == api.opened)
