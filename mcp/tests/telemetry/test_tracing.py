"""What a real collector receives: the spans of the gateway, their parents, and nothing that is a user's."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.harness.clients import token
from tests.harness.collector import CLIENT, SERVER, Collector, Span, collector
from tests.harness.misbehaving import ITEM, answer, close, gateway_before, misbehaving, received
from tests.harness.processes import Process, gateway_process, running
from tests.telemetry.raw_clients import NEWEST, TRANSPORTS, RawClient, session
from tests.telemetry.test_trace_context import OTHER, SPAN, STATE, UID

pytestmark = [pytest.mark.anyio, pytest.mark.programs]

Made = Callable[[list[Span]], bool]

both_ways = pytest.mark.parametrize("short_way", ["true", "false"], ids=["short way", "FastMCP"])
every_transport = pytest.mark.parametrize("transport", TRANSPORTS)

REVISIONS = {"sse": "2025-11-25", "session": "2025-11-25", "alone": NEWEST}


@pytest.fixture(scope="module")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with collector(tmp_path_factory.mktemp("collector")) as running_collector:
        yield running_collector


@pytest.fixture(scope="module", params=["true", "false"], ids=["short way", "FastMCP"])
def traced(
    request: pytest.FixtureRequest,
    api: Process,
    collecting: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Process]:
    """A gateway whose traces are collected."""
    settings = {**collecting.settings, "TOOLBRIDGE_SHORT_WAY": request.param}
    with running(gateway_process(api.url, tmp_path_factory.mktemp("gateway"), **settings)) as gateway:
        yield gateway


def ours(spans: list[Span], trace_id: str) -> list[Span]:
    """The gateway's spans of a trace, in the order in which they began."""
    found = [one for one in spans if one.trace_id == trace_id and one.service == "toolbridge-gateway"]
    return sorted(found, key=lambda one: one.begun)


def traceparent(number: int) -> str:
    """Another trace for each test."""
    return f"00-{time.time_ns():024x}{number:08x}-{SPAN}-01"


async def create(send: RawClient, text: str, **more: object) -> str:
    """A note's uid."""
    arguments = {"title": text, "content": text}
    made = await send("tools/call", {"name": "create_note", "arguments": arguments, **more})
    uid: str = made["result"]["structuredContent"]["uid"]
    return uid


@every_transport
async def test_a_call_is_one_trace(
    transport: str, traced: Process, collecting: Collector, bearer: str
) -> None:
    named, brought = traceparent(1), traceparent(2)
    trace_id = named[3:35]
    async with TRANSPORTS[transport](traced.url, bearer) as send:
        uid = await create(send, "t")
        get = {
            "name": "get_note",
            "arguments": {"uid": uid},
            "_meta": {"traceparent": named, "tracestate": STATE},
        }
        begun = time.time_ns()
        await send("tools/call", get, {"traceparent": brought}, request_id="seven")
        ended = time.time_ns()
        spans = await collecting.until(lambda spans: len(ours(spans, trace_id)) == 2)
    call, request = ours(spans, trace_id)
    assert (call.name, call.kind, call.failed) == ("tools/call get_note", SERVER, False)
    assert (call.parent_id, call.state) == (SPAN, STATE)
    assert call.links == ((brought[3:35], SPAN),)
    assert (request.name, request.kind, request.failed) == ("GET /v1/notes/{uid}", CLIENT, False)
    assert (request.parent_id, request.state) == (call.span_id, STATE)
    assert begun <= call.begun <= request.begun <= request.ended <= call.ended <= ended
    seen = call.attributes
    expected = {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_note",
        "jsonrpc.request.id": "seven",
        "mcp.protocol.version": REVISIONS[transport],
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "toolbridge.client": "by-hand/1",
        "toolbridge.outcome": "ok",
    }
    assert seen.items() >= expected.items()
    assert ("mcp.session.id" in seen) == (transport != "alone")
    assert len(seen["toolbridge.correlation_id"]) == 32
    stages = [seen[f"toolbridge.{stage}_ms"] for stage in ("verify", "admit", "sign", "upstream", "shape")]
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) == pytest.approx((call.ended - call.begun) / 1e6, abs=0.5)
    assert seen["toolbridge.bytes_in"] > 0 < seen["toolbridge.result_bytes"] < seen["toolbridge.bytes_out"]
    address = httpx.URL(traced.environment["TOOLBRIDGE_GO_API_BASE_URL"])
    assert request.attributes == {
        "http.request.method": "GET",
        "url.template": "/v1/notes/{uid}",
        "http.response.status_code": 200,
        "server.address": address.host,
        "server.port": address.port,
    }


@every_transport
async def test_the_request_that_brought_a_message_is_the_parent_if_it_names_none(
    transport: str, traced: Process, collecting: Collector, bearer: str
) -> None:
    brought = traceparent(3)
    async with TRANSPORTS[transport](traced.url, bearer) as send:
        await send("tools/list", {}, {"traceparent": brought})
        spans = await collecting.until(lambda spans: bool(ours(spans, brought[3:35])))
    (listed,) = ours(spans, brought[3:35])
    assert (listed.name, listed.parent_id, listed.links) == ("tools/list", SPAN, ())
    assert listed.attributes["mcp.protocol.version"] == REVISIONS[transport]
    assert "gen_ai.operation.name" not in listed.attributes


@every_transport
async def test_every_kind_of_request_has_a_span(
    transport: str, traced: Process, collecting: Collector, bearer: str
) -> None:
    asked: dict[str, dict[str, object]] = {
        "tools/call": {"name": "no tool of ours", "arguments": {"secret": "x"}},
        "resources/list": {},
        "resources/read": {"uri": "toolbridge://notes"},
        "prompts/list": {},
        "no/such": {},
    }
    traces = {method: traceparent(4) for method in asked}
    async with TRANSPORTS[transport](traced.url, bearer) as send:
        for method, params in asked.items():
            await send(method, {**params, "_meta": {"traceparent": traces[method]}})
        await collecting.until(lambda spans: all(ours(spans, one[3:35]) for one in traces.values()))
    spans = {method: ours(collecting.spans(), one[3:35])[0] for method, one in traces.items()}
    assert {method: one.name for method, one in spans.items()} == {
        **{method: method for method in asked},
        "no/such": "_OTHER",
    }
    unknown, wrong = spans["tools/call"], spans["no/such"]
    assert (unknown.failed, unknown.attributes["error.type"]) == (True, "tool_error")
    assert unknown.attributes["toolbridge.outcome"] == "UnknownTool"
    assert "gen_ai.tool.name" not in unknown.attributes
    assert (wrong.failed, wrong.attributes["error.type"]) == (True, "-32601")
    assert wrong.attributes["rpc.response.status_code"] == "-32601"
    assert not any(spans[method].failed for method in asked if method not in ("tools/call", "no/such"))
    assert spans["resources/read"].attributes["mcp.resource.uri"] == "toolbridge://notes"


@every_transport
async def test_a_prompt_is_named(transport: str, traced: Process, collecting: Collector, bearer: str) -> None:
    known, unknown = traceparent(14), traceparent(15)
    async with TRANSPORTS[transport](traced.url, bearer) as send:
        prompts = (await send("prompts/list", {}))["result"]["prompts"]
        name = next(
            one["name"]
            for one in prompts
            if not any(each.get("required") for each in one.get("arguments", ()))
        )
        await send("prompts/get", {"name": name, "_meta": {"traceparent": known}})
        await send("prompts/get", {"name": "none of ours", "_meta": {"traceparent": unknown}})
        spans = await collecting.until(lambda spans: bool(ours(spans, unknown[3:35])))
    got, refused = ours(spans, known[3:35])[0], ours(spans, unknown[3:35])[0]
    assert (got.name, got.attributes["gen_ai.prompt.name"]) == (f"prompts/get {name}", name)
    assert (refused.name, refused.failed) == ("prompts/get", True)
    assert "gen_ai.prompt.name" not in refused.attributes


@every_transport
async def test_an_item_that_is_read_shows_its_kind_only(
    transport: str, traced: Process, collecting: Collector, bearer: str
) -> None:
    named = traceparent(5)
    async with TRANSPORTS[transport](traced.url, bearer) as send:
        uid = await create(send, "t")
        params = {"uri": f"toolbridge://note/{uid}", "_meta": {"traceparent": named}}
        await send("resources/read", params)
        spans = await collecting.until(
            lambda spans: any(one.kind == SERVER for one in ours(spans, named[3:35]))
        )
    read = ours(spans, named[3:35])[0]
    assert read.attributes["mcp.resource.uri"] == "toolbridge://note/{uid}"


async def test_nothing_of_a_user_is_in_what_the_collector_received(
    traced: Process, collecting: Collector, bearer: str, user: str
) -> None:
    words = "Wombatschnitzel"
    uids = []
    for transport in TRANSPORTS.values():
        async with transport(traced.url, bearer) as send:
            uid = await create(send, f"{words} title")
            uids.append(uid)
            await send("tools/call", {"name": "get_note", "arguments": {"uid": uid}}, request_id=f"{words} 1")
            await send("tools/call", {"name": "search", "arguments": {"query": words}})
            await send("tools/call", {"name": "list_notes", "arguments": {"title": words}})
            await send("tools/call", {"name": words, "arguments": {}})
            await send("resources/read", {"uri": f"toolbridge://note/{uid}"})
            await send(
                "completion/complete",
                {
                    "ref": {"type": "ref/resource", "uri": "toolbridge://note/{uid}"},
                    "argument": {"name": "uid", "value": words},
                },
            )
            await send("no/such", {words: words}, {"x-words": words})
            end = traceparent(6)
            await send("ping", {"_meta": {"traceparent": end}})
        await collecting.until(lambda spans: bool(ours(spans, end[3:35])))  # noqa: B023  it is over by then
    everything = collecting.received()
    secrets = [words, *uids, user, bearer, bearer.rpartition(".")[2]]
    secrets += [value for name, value in traced.environment.items() if name.endswith("SECRET")]
    assert len(secrets) == 9
    assert [secret for secret in secrets if secret in everything] == []


async def test_what_is_not_sampled_is_not_sent_and_the_api_gets_to_know(
    collecting: Collector, tmp_path: Path
) -> None:
    get = {"name": "get_note", "arguments": {"uid": UID}}
    async with (
        misbehaving(answer(ITEM)) as api,
        gateway_before(api, tmp_path, **collecting.settings) as gateway,
        session(gateway.url, token("ann")) as send,
    ):
        await send("tools/call", {**get, "_meta": {"traceparent": OTHER}})
        unsampled = received(api.requests[-1])["traceparent"]
        named = traceparent(7)
        await send("tools/call", {**get, "_meta": {"traceparent": named}})
        sampled = received(api.requests[-1])["traceparent"]
        spans = await collecting.until(lambda spans: len(ours(spans, named[3:35])) == 2)
    assert (unsampled[:36], unsampled[-2:]) == (OTHER[:36], "00")
    assert unsampled != OTHER
    assert not ours(spans, OTHER[3:35])
    request = ours(spans, named[3:35])[1]
    assert sampled == f"00-{named[3:35]}-{request.span_id}-01"


async def test_each_attempt_is_a_span(collecting: Collector, tmp_path: Path) -> None:
    named = traceparent(8)
    busy = answer(b'{"error":"busy","code":"unavailable"}', "503 Service Unavailable")
    async with (
        misbehaving(close, busy, answer(ITEM)) as api,
        gateway_before(api, tmp_path, **collecting.settings) as gateway,
        session(gateway.url, token("ann")) as send,
    ):
        params = {"name": "get_note", "arguments": {"uid": UID}, "_meta": {"traceparent": named}}
        await send("tools/call", params)
        spans = await collecting.until(
            lambda spans: any(one.kind == SERVER for one in ours(spans, named[3:35]))
        )
    call, *requests = [
        one for one in ours(spans, named[3:35]) if "/v1/notes" in one.name or one.kind == SERVER
    ]
    assert {one.parent_id for one in requests} == {call.span_id}
    seen = [
        (one.attributes.get("http.request.resend_count"), one.attributes.get("error.type"))
        for one in requests
    ]
    assert seen[:2] == [(None, "AnswerLost"), (1, "503")]
    assert [one.failed for one in requests[:2]] == [True, True]


async def test_a_request_that_is_signed_again_for_another_process_has_two_spans(
    collecting: Collector, tmp_path: Path
) -> None:
    named = traceparent(10)
    refusal = answer(b'{"code":"invalid_tenant"}', "401 Unauthorized", X_TB_Process="0" * 32)
    async with (
        misbehaving(refusal, answer(ITEM)) as api,
        gateway_before(api, tmp_path, **collecting.settings, TOOLBRIDGE_SIGNATURE="v2") as gateway,
        session(gateway.url, token("ann")) as send,
    ):
        params = {"name": "get_note", "arguments": {"uid": UID}, "_meta": {"traceparent": named}}
        await send("tools/call", params)
        sent = [received(head)["traceparent"] for head in api.requests]
        spans = await collecting.until(
            lambda spans: any(one.kind == SERVER for one in ours(spans, named[3:35]))
        )
    requests = [one for one in ours(spans, named[3:35]) if "/v1/notes" in one.name]
    assert [
        (one.attributes.get("http.request.resend_count"), one.attributes.get("error.type"))
        for one in requests
    ] == [(None, "401"), (1, None)]
    assert sent == [f"00-{named[3:35]}-{one.span_id}-01" for one in requests]


@both_ways
@every_transport
async def test_a_cancelled_call_has_its_span(
    transport: str, short_way: str, collecting: Collector, tmp_path: Path
) -> None:
    named = traceparent(9)
    params = {"name": "get_note", "arguments": {"uid": UID}, "_meta": {"traceparent": named}}

    async def silent(_: asyncio.StreamWriter) -> None: ...

    async with (
        misbehaving(silent) as api,
        gateway_before(
            api, tmp_path, **collecting.settings, TOOLBRIDGE_SHORT_WAY=short_way, TOOLBRIDGE_CALL_SECONDS="20"
        ) as gateway,
        TRANSPORTS[transport](gateway.url, token("ann")) as send,
    ):
        call = asyncio.ensure_future(send("tools/call", params, request_id=11))
        await api.until(lambda: bool(api.requests))
        if transport == "alone":
            call.cancel()
        else:
            await send.notify("notifications/cancelled", {"requestId": 11})
        spans = await collecting.until(lambda spans: len(ours(spans, named[3:35])) == 2)
        call.cancel()
    called, request = ours(spans, named[3:35])
    assert called.attributes["error.type"] == "cancelled"
    assert request.attributes["error.type"] == "CancelledError"
    assert (called.failed, request.failed) == (True, True)


async def test_the_last_spans_are_sent_at_a_stop(api: Process, collecting: Collector, tmp_path: Path) -> None:
    named = traceparent(10)
    settings = {**collecting.settings, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    with running(gateway_process(api.url, tmp_path, **settings)) as gateway:
        async with session(gateway.url, token("ann")) as send:
            await send("tools/list", {"_meta": {"traceparent": named}})
        assert not ours(collecting.spans(), named[3:35])
    assert ours(collecting.spans(), named[3:35])


async def test_a_serving_process_that_is_replaced_goes_on_with_traces(
    api: Process, collecting: Collector, tmp_path: Path
) -> None:
    instances = []
    with running(gateway_process(api.url, tmp_path, **collecting.settings)) as gateway:
        for number in (11, 12):
            named = traceparent(number)
            async with session(gateway.url, token("ann")) as send:
                await send("tools/list", {"_meta": {"traceparent": named}})
            spans = await collecting.until(lambda spans: bool(ours(spans, named[3:35])))  # noqa: B023
            resource = ours(spans, named[3:35])[0].resource
            instances.append((resource["service.instance.id"], resource["process.pid"]))
            psutil.Process(gateway.pid).send_signal(signal.SIGKILL)
            await asyncio.to_thread(_until_another, gateway, instances[-1][1])
    assert len({instance for instance, _ in instances}) == len({pid for _, pid in instances}) == 2


def _until_another(gateway: Process, pid: int) -> None:
    while psutil.pid_exists(pid) or not gateway.is_ready():
        time.sleep(0.05)


async def test_a_trace_says_who_sent_it(traced: Process, collecting: Collector, bearer: str) -> None:
    named = traceparent(13)
    async with session(traced.url, bearer) as send:
        await send("ping", {"_meta": {"traceparent": named}})
        spans = await collecting.until(lambda spans: bool(ours(spans, named[3:35])))
    about = ours(spans, named[3:35])[0].resource
    assert about["toolbridge.tenant"] == "test-tenant"
    assert about["service.version"]
    assert about.keys() >= {"service.instance.id", "process.pid", "telemetry.sdk.language"}
