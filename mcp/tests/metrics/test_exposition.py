"""What a real gateway exports after a run over all transports: as docs/metrics.md says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.harness.clients import CALL_SECONDS, HELLO, token
from tests.harness.processes import (
    GATEWAY_FOLDER,
    REPOSITORY,
    TENANT_HEADER_SECRET,
    Process,
    free_port,
    gateway_process,
    running,
)
from tests.harness.raw_http import raw_request
from tests.telemetry.raw_clients import TRANSPORTS, RawClient
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.metrics.counts import REFUSALS
from toolbridge_mcp.metrics.dashboard import HIDDEN
from toolbridge_mcp.telemetry import STAGES

API = "## The API"
PORT = "TOOLBRIDGE_METRICS_PORT"
PACKAGE = GATEWAY_FOLDER / "toolbridge_mcp"
DOCUMENT = REPOSITORY / "docs" / "metrics.md"
UNITS = {
    "seconds": "s",
    "duration_quantiles": "s",
    "bytes": "bytes",
    "mb": "MB",
    "percent": "%",
    "token_usage": "tokens",
    "tokens": "tokens",
}
"""The units by the words in names that stand for them."""

USUAL = {"protocolVersion": "2025-11-25", "capabilities": {}}
OF_LIBRARIES = ("process_", "python_")

SUBJECT = f"subject-{uuid4()}"
MARK = "mark-of-a-caller"
"""Is in every text that a caller chooses."""

LAG, NO_SUCH = 0.5, "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Run:
    """What was exported before the first call and after the last, and what callers said and got meanwhile."""

    first: Mapping[str, Metric]
    last: Mapping[str, Metric]
    text: str
    strict: str
    """The same in the format of OpenMetrics."""

    secrets: frozenset[str]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        return sum(
            sample.value
            for family in self.last.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def families(text: str) -> dict[str, Metric]:
    found = {family.name: family for family in plain(text)}
    return {name: family for name, family in found.items() if not name.startswith(OF_LIBRARIES)}


@pytest.fixture(scope="module")
def run(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    keys = f"default:2026-01-31:{TENANT_HEADER_SECRET}"
    settings = {"TOOLBRIDGE_MESSAGE_RATE": "60:40", PORT: str(free_port()), "TENANT_HEADER_KEYS": keys}
    with running(gateway_process(api.url, tmp_path_factory.mktemp("metrics"), **settings)) as gateway:
        yield anyio.run(_run, gateway)


async def _run(gateway: Process) -> Run:
    secrets = {SUBJECT, MARK}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=CALL_SECONDS) as http:
        first = families((await http.get("/metrics")).text)
        for place, connect in enumerate(TRANSPORTS.values()):
            bearer = token(f"{SUBJECT}-{place}")
            secrets.add(bearer)
            async with connect(gateway.url, bearer) as send:
                secrets.add(await _calls(send))
        await _hostile(http)
        await _refused(gateway, http)
        await anyio.sleep(2 * LAG)  # a client is known at the next sweep
        text = (await http.get("/metrics")).text
        private = f"http://127.0.0.1:{gateway.environment[PORT]}/metrics"
        strict = await http.get(private, headers={"Accept": "application/openmetrics-text"})
    return Run(first, families(text), text, strict.text, frozenset(secrets))


async def _calls(send: RawClient) -> str:
    """Messages of every kind, some of which fail. Returns the uid of a note that is made."""
    note = {"title": f"{MARK} \u202e", "content": MARK}
    created = await send("tools/call", {"name": "create_note", "arguments": note})
    uid: str = created["result"]["structuredContent"]["uid"]
    for arguments in ({"id": uid}, {"uid": NO_SUCH}, {"uid": MARK}, {MARK: MARK}):
        await send("tools/call", {"name": "get_note", "arguments": arguments})
    corrected = await send("tools/call", {"name": "get_note", "arguments": {"uid": uid}})
    assert not corrected["result"].get("isError")
    assert (await send("tools/call", {"name": MARK, "arguments": {}}))["result"]["isError"]
    assert "error" in await send("tools/call", {"name": "get_note", "arguments": MARK})
    assert "error" in await send(MARK, {})
    for uri in (f"toolbridge://note/{uid}", "toolbridge://notes"):
        assert "result" in await send("resources/read", {"uri": uri})
    for uri in (f"toolbridge://note/{NO_SUCH}", f"toolbridge://{MARK}/1", f"file:///{MARK}"):
        assert "error" in await send("resources/read", {"uri": uri})
    assert "result" in await send("prompts/get", {"name": "weekly_review", "arguments": {}})
    assert "error" in await send("prompts/get", {"name": MARK, "arguments": {}})
    for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list"):
        assert "result" in await send(method, {})
    return uid


async def _hostile(http: httpx.AsyncClient) -> None:
    """Sessions of clients that put into their names what is of no concern to others, and one refused."""
    headers = {
        "Authorization": f"Bearer {token(SUBJECT)}",
        "Accept": "application/json, text/event-stream",
        "traceparent": MARK,
    }
    for name in (f"{MARK}@example.com", SUBJECT, f"{MARK}/{MARK}", "x" * 300, ""):
        params = {**USUAL, "clientInfo": {"name": name, "version": MARK}}
        opened = await http.post("/mcp", json={**HELLO, "params": params}, headers=headers)
        assert opened.status_code == 200
    session = {"mcp-session-id": opened.headers["mcp-session-id"], **headers}
    assert (await http.delete("/mcp", headers=session)).status_code == 200
    assert "error" in (await http.post("/mcp", json={**HELLO, "params": {MARK: 1}}, headers=headers)).json()


async def _refused(gateway: Process, http: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {token(SUBJECT)}", "Accept": "application/json, text/event-stream"}
    ping: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    async def status(**changes: Any) -> int:
        given = {"json": ping, "headers": headers, "url": "/mcp", **changes}
        return (await http.post(**given)).status_code

    assert await status(headers={}) == 401
    assert await status(headers={"Authorization": f"Bearer {MARK}"}) == 401
    assert await status(headers={"Authorization": f"Bearer {token(SUBJECT, scope=MARK)}"}) == 403
    assert await status(headers={**headers, "Origin": f"https://{MARK}.example"}) == 403
    assert await status(url=f"/mcp?toolsets={MARK}") == 400
    assert await status(headers={**headers, "mcp-session-id": MARK}) == 404
    assert await status(url=f"/messages/?session_id={MARK}") == 404
    assert await status(content=b'{"jsonrpc"', json=None) == 400
    host = await raw_request(gateway.port, "POST /mcp HTTP/1.1", f"Host: {MARK}.example", "Content-Length: 0")
    assert host.status == 421
    statuses = [await status(headers={**headers, "mcp-session-id": MARK}) for _ in range(45)]
    assert 429 in statuses


def documented() -> dict[str, tuple[str, str, str]]:
    """Kind, labels and meaning of each metric of the gateway in the document's tables."""
    text = DOCUMENT.read_text().partition(API)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert len({name for name, *_ in rows}) == len(rows)
    return {name: (kind, labels, meaning) for name, kind, labels, meaning in rows}


def kind_of(family: Metric) -> str:
    """The type of a metric, and its unit if it has one."""
    units = [unit for word, unit in UNITS.items() if re.search(rf"_{word}(_|$)", family.name)]
    return ", ".join([family.type, *units])


def test_the_document_lists_what_is_exported(run: Run) -> None:
    exported = {}
    for family in run.last.values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        assert family.samples, f"{name}: without a sample its labels are not known"
        exported[name] = (
            kind_of(family),
            " ".join(f"`{label}`" for label in labels) or "none",
            family.documentation,
        )
    assert documented() == exported


def test_both_formats_hold_the_same(run: Run) -> None:
    found = {family.name for family in open_metrics(run.strict)}  # type: ignore[no-untyped-call]
    assert {name for name in found if not name.startswith(OF_LIBRARIES)} == run.last.keys()


def test_no_label_holds_what_a_caller_chose(run: Run) -> None:
    assert [secret for secret in run.secrets if secret in run.text] == []
    clients = {
        label
        for family in run.last.values()
        for sample in family.samples
        if (label := sample.labels.get("client_id"))
    }
    assert clients == {"by-hand", "other", "unknown"}


def test_histograms_agree_with_themselves(run: Run) -> None:
    counted = 0
    for family in run.last.values():
        buckets: dict[tuple[Any, ...], list[float]] = {}
        totals = {}
        for sample in family.samples:
            labels = {label: value for label, value in sample.labels.items() if label != "le"}
            key = tuple(sorted(labels.items()))
            if sample.name.endswith("_bucket"):
                buckets.setdefault(key, []).append(sample.value)
            elif sample.name.endswith("_count"):
                totals[key] = sample.value
        for key, values in buckets.items():
            assert values == sorted(values)
            assert values[-1] == totals[key]
            counted += 1
    assert counted > 20


def test_rates_can_be_computed_from_the_first_event(run: Run) -> None:
    """A series that appears with its first event has no increase for that."""

    def values(name: str, label: str) -> set[str]:
        samples = [sample for sample in run.first[name].samples if sample.name != f"{name}_created"]
        assert all(sample.value == 0 for sample in samples), name
        return {sample.labels[label] for sample in samples}

    assert values("mcp_handshake", "status") == {"success", "failure"}
    assert values("mcp_tool_calls", "status") == {"success", "error"}
    assert values("mcp_tool_calls", "tool_name") >= {"search", "get_note", "delete_chat"}
    assert values("mcp_sessions", "transport") == {"sse", "streamable-http"}
    assert values("mcp_task_success", "status") == {"success", "failure"}
    assert values("mcp_self_correction", "status") == {"recovered", "failed"}
    assert values("mcp_prompt_template_usage", "prompt_name") >= {"weekly_review"}
    kinds = {name for entity in ENTITIES for name in (entity.kind, entity.plural)}
    assert values("mcp_resource_accessed", "resource") == kinds
    assert values("toolbridge_refused", "reason") == set(REFUSALS)
    assert values("mcp_jsonrpc_errors", "error_code") >= {"-32700", "-32602", "other"}
    for name in ("mcp_rate_limit", "mcp_tool_hallucination", "mcp_reconnection", "mcp_session_disconnects"):
        assert run.first[name].samples


def test_calls_are_counted_by_how_they_ended_on_every_transport(run: Run) -> None:
    created = {"tool_name": "create_note", "status": "success", "client_id": "by-hand"}
    assert run.value("mcp_tool_calls_total", **created) == 3
    assert run.value("mcp_tool_calls_total", tool_name="get_note", status="success") == 6
    assert run.value("mcp_tool_errors_total", tool_name="get_note", error_type="NotFound") == 3
    assert run.value("mcp_tool_invalid_params_total", tool_name="get_note") == 6
    assert run.value("mcp_tool_hallucination_total", attempted_tool="unknown", client_id="by-hand") == 3
    assert run.value("mcp_self_correction_total", tool_name="get_note", status="recovered") == 3
    assert run.value("mcp_self_correction_total", tool_name="get_note", status="failed") == 6
    assert run.value("mcp_jsonrpc_errors_total", error_code="-32601") == 3
    durations = "mcp_server_operation_duration_seconds_count"
    for revision in ("2025-11-25", "2026-07-28"):
        named = {"gen_ai_tool_name": "get_note", "gen_ai_operation_name": "execute_tool"}
        assert run.value(durations, mcp_protocol_version=revision, error_type="tool_error", **named) >= 3
        assert run.value(durations, mcp_protocol_version=revision, error_type="", **named) >= 2
    assert run.value(durations, gen_ai_prompt_name="weekly_review", error_type="") == 3
    assert run.value(durations, mcp_method_name="other", error_type="-32601") == 3


def test_what_models_read_is_measured_on_every_transport(run: Run) -> None:
    for tool in ("create_note", "get_note", "unknown"):
        size = run.value("toolbridge_result_bytes_total", tool=tool)
        assert size > 3 * 50
        assert 0 <= size / 3 - run.value("toolbridge_result_tokens_total", tool=tool) < 10
        assert run.value("mcp_tool_result_size_bytes_sum", tool_name=tool) == size
    assert run.value("mcp_tool_result_size_bytes_count", tool_name="get_note") == 15
    assert run.value("mcp_resource_size_bytes_count", resource="note") == 3
    for stage in STAGES:
        assert run.value("toolbridge_stage_seconds_sum", stage=stage) > 0


def test_resources_are_counted_with_what_is_strange_about_them(run: Run) -> None:
    assert run.value("mcp_resource_accessed_total", resource="note", client_id="by-hand") == 6
    assert run.value("mcp_resource_accessed_total", resource="notes") == 3
    assert run.value("mcp_resource_errors_total", resource="note", error_type="NotFound") == 3
    assert run.value("mcp_resource_errors_total", resource="unknown") == 6
    assert run.value("mcp_resource_access_anomaly_total", resource="note", anomaly_type=HIDDEN) == 3
    assert run.value("mcp_resource_access_anomaly_total", resource="unknown", anomaly_type="not_found") == 6
    assert run.value("mcp_prompt_template_usage_total", prompt_name="weekly_review") == 3


def test_sessions_are_counted_with_their_ends(run: Run) -> None:
    assert run.value("mcp_handshake_total", status="success", transport="sse") == 1
    assert run.value("mcp_handshake_total", status="success", transport="streamable-http") == 6
    assert run.value("mcp_handshake_total", status="failure", transport="streamable-http") == 1
    assert run.value("mcp_sessions_total", client_id="by-hand") == 2
    assert run.value("mcp_sessions_total", client_id="other") == 5
    assert run.value("mcp_session_disconnects_total", client_id="by-hand", reason="client") == 1
    assert run.value("mcp_session_disconnects_total", client_id="other", reason="client") == 1
    assert run.value("mcp_server_session_duration_seconds_count", error_type="") == 2
    assert run.value("mcp_active_sessions") == run.value("toolbridge_sessions", transport="http") == 5
    assert run.value("mcp_reconnection_total", reason="session_not_found") >= 2


@pytest.mark.parametrize(
    "reason",
    [
        *("token_missing", "token_invalid", "scope_insufficient", "foreign_host", "foreign_page"),
        *("unknown_toolset", "session_not_found", "invalid", "message_rate"),
    ],
)
def test_what_is_refused_is_counted_by_reason(run: Run, reason: str) -> None:
    assert run.value("toolbridge_refused_total", reason=reason) >= 1


def test_the_document_explains_every_reason() -> None:
    of_the_gateway = DOCUMENT.read_text().partition(API)[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \|$", of_the_gateway, re.MULTILINE)
    assert rows == sorted(REFUSALS)


def test_every_reason_in_the_code_is_declared() -> None:
    """Else it would not be there before the first refusal."""
    files = [*(PACKAGE / "web").rglob("*.py"), PACKAGE / "connections.py", PACKAGE / "login/refused.py"]
    files.append(PACKAGE / "login/pages/site.py")
    named = re.compile(r'(?:count_refusal|[Rr]efused|self\._end)\("(\w+)"|reason(?:: str)? = "(\w+)"')
    more = re.compile(r'_counted\(\w+, "(\w+)"\)|self\._end, "(\w+)"|says, "(\w+)"\)|4\d\d: "(\w+)"')
    found = {
        reason
        for file in files
        for pattern in (named, more)
        for groups in pattern.findall(file.read_text())
        for reason in groups
        if reason
    }
    assert found == set(REFUSALS)


def test_what_is_refused_at_the_door_is_an_error_of_the_protocol_too(run: Run) -> None:
    assert run.value("mcp_jsonrpc_errors_total", error_code="-32700") == 1
    assert run.value("mcp_rate_limit_total") == run.value("toolbridge_refused_total", reason="message_rate")


def test_what_is_occupied_stands_beside_its_limit(run: Run) -> None:
    held = {sample.labels["kind"] for sample in run.last["toolbridge_held"].samples}
    assert held == {sample.labels["kind"] for sample in run.last["toolbridge_limit"].samples}
    assert held == {"bodies", "body_bytes", "calls", "connections", "sessions", "unread_bytes"}
    connections = run.value("toolbridge_held", kind="connections")
    assert 0 < connections < run.value("toolbridge_limit", kind="connections")
    assert run.value("toolbridge_keys") == 1
    assert run.value("toolbridge_build_info") == 1
