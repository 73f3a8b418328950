"""What a signature is good for: one request, once, in one process of the API, and nobody in between can get
a weaker one accepted."""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.changing_proxy import ChangingProxy, Headers, Info
from tests.harness.clients import Tools, over_http, over_sse, token, use_every_tool
from tests.harness.processes import (
    START_SECONDS,
    TENANT_HEADER_SECRET,
    TENANT_ID,
    Process,
    api_process,
    gateway_process,
    running,
)
from tests.harness.raw_wire import Wire, signed_bytes, signer_for
from tests.transport import changed_requests
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.transport import Request, Signer

pytestmark = pytest.mark.anyio

REQUESTS = 300
STARTS = 4
V2, BOTH = "v2", "v1 v2"
REFUSED = "The API does not accept this gateway"
OTHER = "f" * 32


@pytest.fixture(params=[V2, BOTH], ids=["only v2", "v1 and v2"])
def api(request: pytest.FixtureRequest, api_binary: Path, tmp_path: Path) -> Iterator[Process]:
    with running(api_process(api_binary, tmp_path, TENANT_SIGNATURES=request.param)) as process:
        yield process


@pytest.fixture
def strict_api(api_binary: Path, tmp_path: Path) -> Iterator[Process]:
    with running(api_process(api_binary, tmp_path, TENANT_SIGNATURES=V2)) as process:
        yield process


@asynccontextmanager
async def gateway_before(url: str, folder: Path, **settings: str) -> AsyncIterator[Process]:
    """A gateway. What it talks to may be in the loop of the test, so that does not wait for it."""
    gateway = gateway_process(url, folder, TOOLBRIDGE_API_WAIT_SECONDS="1", **settings)
    gateway.ready_path = "/healthz"
    await asyncio.to_thread(gateway.start)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(gateway.stop)


async def problems_of(gateway: Process) -> list[str]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        answer = (await http.get(f"{gateway.url}/readyz")).json()
    return list(answer.get("problems", []))


def a_read(**headers: str) -> Request:
    own = {"Host": "api", "Authorization": f"Bearer {token('ann')}", "X-Sync-Session": "new", **headers}
    return Request("GET", "/v1/notes?limit=5", own)


def a_write(**headers: str) -> Request:
    content = b'{"title":"t","content":"c"}'
    own = {**a_read(**headers).headers, "Content-Length": str(len(content))}
    return Request("POST", "/v1/notes", {**own, "Content-Type": "application/json"}, content)


# One request, once


def test_a_changed_request_is_refused(api_binary: Path, tmp_path: Path) -> None:
    with running(changed_requests.api_of(api_binary, tmp_path)) as api:
        counts = changed_requests.run(api, REQUESTS, random.randrange(1_000_000))
    assert counts.right == REQUESTS
    assert set(counts.parts) == {*changed_requests.CHANGES, "body"}
    assert counts.accepted == 0, {part: count for part, count in counts.changed.items() if "accepted" in part}


@pytest.mark.parametrize("make", [a_read, a_write])
def test_a_recorded_request_is_refused_by_every_process(
    make: Callable[[], Request], api_binary: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        api, beside = (api_process(api_binary, tmp_path, TENANT_SIGNATURES=V2) for _ in range(2))
        stack.enter_context(running(api))
        stack.enter_context(running(beside))
        recorded = signed_bytes(signer_for(api.port), make())
        assert sent(api, recorded) == ("", "")
        assert sent(api, recorded) == ("invalid_tenant", "replay")
        assert sent(beside, recorded) == ("invalid_tenant", "process")
        api.kill()
        api.start()
        assert sent(api, recorded) == ("invalid_tenant", "process")
        assert sent(api, recorded) == ("invalid_tenant", "process")
        assert sent(api, signed_bytes(signer_for(api.port), make())) == ("", "")


def sent(api: Process, data: bytes) -> tuple[str, str]:
    """The code and the reason of a refusal; empty if there is none."""
    with Wire(api.port) as wire:
        answer = wire.send(data)
    assert bool(answer.code) == (answer.status >= 400)
    return answer.code, answer.reason


def test_of_the_same_request_on_many_connections_one_is_accepted(strict_api: Process) -> None:
    signer = signer_for(strict_api.port)
    wires = [Wire(strict_api.port) for _ in range(8)]
    for wire in wires:
        wire.send(signed_bytes(signer, a_read()))
    for _ in range(20):
        recorded = signed_bytes(signer, a_write())
        at_once = threading.Barrier(len(wires))
        statuses: list[int] = []

        def send(wire: Wire) -> None:
            at_once.wait()  # noqa: B023  all threads of a round end in it
            statuses.append(wire.send(recorded).status)  # noqa: B023

        threads = [threading.Thread(target=send, args=[wire]) for wire in wires]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(statuses) == {201: 1, 401: len(wires) - 1}
    for wire in wires:
        wire.close()


# Older gateways


def test_the_v1_of_an_older_gateway_is_accepted_where_the_operator_allows_it(api: Process) -> None:
    older = Signer(Keyring.of_secret(TENANT_HEADER_SECRET), TENANT_ID, choice="v1")
    allowed = api.environment["TENANT_SIGNATURES"] == BOTH
    with Wire(api.port) as wire:
        answer = wire.send(signed_bytes(older, a_read()))
    assert answer.status == (200 if allowed else 401)
    assert (answer.json.get("details") or {}) == (
        {} if allowed else {"reason": "version", "versions": ["v2"]}
    )


def test_a_v1_that_was_made_because_v2_was_hidden_is_refused(api: Process) -> None:
    deceived = Signer(Keyring.of_secret(TENANT_HEADER_SECRET), TENANT_ID)
    deceived.described(None)
    assert sent(api, signed_bytes(deceived, a_read())) == ("invalid_tenant", "downgrade")


# Somebody in between


def hide(info: Info) -> None:
    del info["signatures"]


def name_only_v1(info: Info) -> None:
    info["signatures"]["versions"] = ["v1"]


def name_another_process(info: Info) -> None:
    info["signatures"]["process"] = OTHER


def answer_another_process(headers: Headers) -> None:
    headers["X-TB-Process"] = OTHER


def strip(*names: str) -> Callable[[Headers], None]:
    def change(headers: Headers) -> None:
        for name in names:
            headers.popall(name, None)

    return change


@asynccontextmanager
async def between(
    api: Process, folder: Path, settings: dict[str, str] | None = None, **changes: Any
) -> AsyncIterator[tuple[ChangingProxy, Process, Tools]]:
    """A proxy that changes what passes, a gateway behind it, and the tools of a user."""
    async with (
        ChangingProxy(api.url, **changes).running() as proxy,
        gateway_before(proxy.url, folder, **(settings or {})) as gateway,
        over_http(gateway.url, token("ann")) as tools,
    ):
        yield proxy, gateway, tools
    assert {one.version for one in proxy.passed if one.status < 400} <= {"v2"}


async def test_who_hides_v2_from_the_start_gets_nothing_accepted(api: Process, tmp_path: Path) -> None:
    async with between(api, tmp_path, of_info=hide) as (proxy, gateway, tools):
        assert (await tools.refusal("list_notes")).startswith(REFUSED)
        assert {one.status for one in proxy.passed} == {401}
        assert len(proxy.passed) == 2
        (problem,) = await problems_of(gateway)
        assert "is changed on the way" in problem
        proxy.of_info = lambda _: None
        await tools.call("list_notes")
    errors = [
        json.loads(line) for line in api.log.read_text().splitlines() if '"level":"error"' in line.lower()
    ]
    assert any("version 2" in str(error) for error in errors)


async def test_no_call_fails_when_an_api_that_takes_v2_replaces_one_that_does_not(
    api: Process, tmp_path: Path
) -> None:
    async with between(api, tmp_path, of_info=hide) as (proxy, _, tools):
        proxy.of_info = lambda _: None
        await tools.call("create_note", title="t", content="c")
        assert [(one.version, one.status) for one in proxy.passed] == [("v1", 401), ("v2", 201)]


async def test_who_hides_v2_later_does_not_get_v1(api: Process, tmp_path: Path) -> None:
    async with between(api, tmp_path) as (proxy, gateway, tools):
        await tools.call("list_notes")
        assert await problems_of(gateway) == []
        proxy.of_info = hide
        (problem,) = await eventually(gateway)
        assert problem.startswith("The API took signatures of v2 before and does not name them now")
        await tools.call("create_note", title="t", content="c")


async def test_who_names_only_v1_does_not_get_it(api: Process, tmp_path: Path) -> None:
    async with between(api, tmp_path, of_info=name_only_v1) as (_, gateway, tools):
        await tools.call("create_note", title="t", content="c")
        (problem,) = await problems_of(gateway)
        assert problem.startswith("The API takes signatures of v1, and this gateway makes v2")


async def test_who_names_another_process_causes_one_more_request_or_a_refusal(
    api: Process, tmp_path: Path
) -> None:
    async with between(api, tmp_path, of_info=name_another_process) as (proxy, _, tools):
        await tools.call("create_note", title="t", content="c")
        assert [one.status for one in proxy.passed] == [401, 201]
        proxy.of_answer = answer_another_process
        await tools.call("create_note", title="t", content="c")
        await asyncio.to_thread(api.kill)
        await asyncio.to_thread(api.start)
        proxy.passed.clear()
        assert (await tools.refusal("create_note", title="t", content="c")).startswith(REFUSED)
        assert [one.status for one in proxy.passed] == [401, 401]


STRIPPED = {
    "the signature": ("Signature", "Signature-Input"),
    "the components": ("Signature-Input",),
    "the idempotency key": ("Idempotency-Key",),
    "the condition": ("If-Match",),
    "the digest": ("Content-Digest",),
    "the session": ("X-Sync-Session",),
}


@pytest.mark.parametrize("names", STRIPPED.values(), ids=STRIPPED)
async def test_who_takes_a_header_away_gets_nothing_accepted(
    names: tuple[str, ...], strict_api: Process, tmp_path: Path
) -> None:
    async with between(strict_api, tmp_path) as (proxy, _, tools):
        uid = (await tools.call("create_note", title="t", content="c"))["uid"]
        proxy.of_request = strip(*names)
        refusal = await tools.refusal("patch_note", uid=uid, updates={"title": "u"}, if_match=1)
        assert refusal.startswith((REFUSED, "The API did not accept a fresh sync session"))
        proxy.of_request = lambda _: None
        assert (await tools.call("get_note", uid=uid))["payload"]["title"] == "t"


# What the operator chose


@pytest.mark.parametrize("connect", [over_http, over_sse])
async def test_every_tool_works_by_v2_alone(connect: Any, strict_api: Process, tmp_path: Path) -> None:
    async with between(strict_api, tmp_path) as (proxy, gateway, _):
        async with connect(gateway.url, token("every-tool")) as tools:
            await use_every_tool(tools)
        assert {one.status for one in proxy.passed} <= {200, 201}
        assert {one.version for one in proxy.passed} == {"v2"}


async def test_a_choice_of_v1_is_told_where_the_api_takes_only_v2(
    strict_api: Process, tmp_path: Path
) -> None:
    async with gateway_before(strict_api.url, tmp_path, TOOLBRIDGE_SIGNATURE="v1") as gateway:
        async with over_http(gateway.url, token("ann")) as tools:
            assert (await tools.refusal("list_notes")).startswith(REFUSED)
        (problem,) = await problems_of(gateway)
    assert problem == (
        "The API takes signatures of v2, and this gateway makes v1: set TOOLBRIDGE_SIGNATURE to auto."
    )


async def test_a_key_that_the_api_lacks_is_told_by_its_id(strict_api: Process, tmp_path: Path) -> None:
    keys = f"k7:2026-01-31:{'another-secret-' * 3}"
    async with gateway_before(strict_api.url, tmp_path, TENANT_HEADER_KEYS=keys) as gateway:
        (problem,) = await eventually(gateway)
    assert problem.startswith(
        "The API does not have the key k7, with which this gateway signs; it has default"
    )


# The API starts again


async def test_no_call_fails_for_its_signature_when_the_api_starts_again(
    strict_api: Process, tmp_path: Path
) -> None:
    """A request that was signed for the process before is refused, signed again and sent once more."""
    said: Counter[str] = Counter()
    stopping = asyncio.Event()

    async def call(tools: Tools, number: int) -> None:
        while not stopping.is_set():
            arguments = {"title": f"t{number}", "content": "c"}
            result = await tools.result("create_note", **arguments)
            text = "" if not result.is_error else str(result.content[0])
            said["signature" if REFUSED in text else "other" if text else "ok"] += 1

    async with between(strict_api, tmp_path) as (proxy, _, tools):
        callers = [asyncio.create_task(call(tools, number)) for number in range(20)]
        for number in range(STARTS):
            if number:
                await asyncio.to_thread(strict_api.stop)
                await asyncio.to_thread(strict_api.start)
            before = said["ok"]
            async with asyncio.timeout(START_SECONDS):
                while said["ok"] < before + 100:
                    await asyncio.sleep(0.05)
        stopping.set()
        await asyncio.gather(*callers)
    processes = {process_of(one.headers) for one in proxy.passed if one.status == 201}
    assert len(processes) == STARTS
    assert said["signature"] == 0


def process_of(headers: Headers) -> str:
    return headers["Signature-Input"].partition('nonce="')[2].partition(".")[0]


async def eventually(gateway: Process) -> list[str]:
    """The problems, as soon as there are any."""
    async with asyncio.timeout(START_SECONDS):
        while not (found := await problems_of(gateway)):
            await asyncio.sleep(0.1)
    return found
