"""One trace goes through gateway, API and statements, over each transport and on both databases."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.clients import token
from tests.harness.collector import CLIENT, SERVER, Collector, Span, collector
from tests.harness.postgres_server import postgres_server
from tests.harness.processes import api_process, gateway_process, running
from tests.telemetry.raw_clients import TRANSPORTS
from tests.telemetry.test_tracing import create, traceparent

pytestmark = [pytest.mark.anyio, pytest.mark.programs]

SYSTEMS = {"sqlite": "sqlite", "postgres": "postgresql"}
NOTE = "/v1/notes/{uid}"


@pytest.fixture(scope="module", params=SYSTEMS)
def stack(
    request: pytest.FixtureRequest, api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Collector, str]]:
    """The database system, the collector of both programs, and the gateway's address."""
    folder = tmp_path_factory.mktemp("traces")
    with ExitStack() as running_until_then:
        enter = running_until_then.enter_context
        collecting = enter(collector(folder))
        settings = dict(collecting.settings)
        if request.param == "postgres":
            short = Path(enter(tempfile.TemporaryDirectory()))  # a socket has a short path
            settings["DATABASE_URL"] = enter(postgres_server(short)).url
        api = enter(running(api_process(api_binary, folder, **settings)))
        gateway = enter(running(gateway_process(api.url, folder, **collecting.settings)))
        yield SYSTEMS[request.param], collecting, gateway.url


def is_whole(spans: list[Span]) -> bool:
    """Whether the spans of a call and of its request are there; those of statements come with the latter."""
    seen = {(one.service, one.kind) for one in spans}
    return {("toolbridge-gateway", SERVER), ("toolbridge-api", SERVER), ("toolbridge-api", CLIENT)} <= seen


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_is_one_trace_down_to_its_statements(
    transport: str, stack: tuple[str, Collector, str]
) -> None:
    system, collecting, url = stack
    named = traceparent(20)
    trace_id, parent = named[3:35], named[36:52]
    async with TRANSPORTS[transport](url, token("ann")) as send:
        uid = await create(send, "t")
        params = {"name": "get_note", "arguments": {"uid": uid}, "_meta": {"traceparent": named}}
        await send("tools/call", params)

    def of_the_call(spans: list[Span]) -> list[Span]:
        return sorted((one for one in spans if one.trace_id == trace_id), key=lambda one: one.begun)

    call, request, served, *statements = of_the_call(
        await collecting.until(lambda spans: is_whole(of_the_call(spans)))
    )
    assert [(one.service, one.name, one.kind) for one in (call, request, served)] == [
        ("toolbridge-gateway", "tools/call get_note", SERVER),
        ("toolbridge-gateway", f"GET {NOTE}", CLIENT),
        ("toolbridge-api", f"GET {NOTE}", SERVER),
    ]
    assert statements
    assert [one.parent_id for one in (call, request, served)] == [parent, call.span_id, request.span_id]
    assert {one.parent_id for one in statements} == {served.span_id}
    assert {one.attributes["db.system.name"] for one in statements} == {system}
    assert call.begun <= request.begun <= served.begun <= statements[0].begun
    assert max(one.ended for one in statements) <= served.ended <= request.ended <= call.ended
    assert served.attributes["toolbridge.correlation_id"] == call.attributes["toolbridge.correlation_id"]
    assert uid not in collecting.received()
