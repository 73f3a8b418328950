"""What the gateway makes of a clock that is not the API's."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.harness.clients import Tools, in_memory, over_http, settings_for, token
from tests.harness.moved_clock import MovedClock
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.recording import Recording
from tests.harness.wire import connections
from tests.operator.raw import PrivatePort
from toolbridge_mcp.app import create_server
from toolbridge_mcp.client import ApiClient, clocks, upstream
from toolbridge_mcp.client.clocks import Clocks, seconds_ahead
from toolbridge_mcp.client.standing import Standing
from toolbridge_mcp.http_clients import api_http
from toolbridge_mcp.outbound import ForwardedToken
from toolbridge_mcp.transport import Response, Signer

pytestmark = pytest.mark.anyio
LATER = 4_000_000_000
NOW = 1_800_000_000
PERIOD = 0.25
APART = "the clocks of gateway and API are apart"
AGREE = "the clocks of gateway and API agree again"


STEPS = (0, 29, 31, 58, 62, 298, 302, 0)
"""How far the clocks are apart, one after the other."""


class Signature(NamedTuple):
    version: str
    window: int
    """How many seconds apart the clocks may be."""


async def shown(
    gateway: Process, private: PrivatePort, tools: Tools, signature: Signature, ahead: int
) -> None:
    """Readiness, metrics, page and a call say what is due when this clock is so far ahead."""
    refused = abs(ahead) >= signature.window
    problem = r"The clocks of gateway and API are \d+ s apart, so the API refuses calls\."
    warning = problem.replace(", so", f"; from {signature.window} s on,")
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http:
        answer = await http.get("/readyz")
        metrics = (await http.get("/metrics")).text
    says = answer.json()
    assert answer.status_code == (503 if refused else 200), says
    sentences = says.get("warnings", []) + says.get("problems", [])
    assert len(sentences) == (abs(ahead) >= clocks.APART_SECONDS)
    for sentence in sentences:
        assert re.fullmatch(problem if refused else warning, sentence)
    (found,) = re.findall(r"^toolbridge_clock_difference_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(found) == pytest.approx(ahead, abs=1)
    facts = await asyncio.to_thread(lambda: private.get("/?json").json())
    assert facts["now"]["clock_difference_seconds"] == pytest.approx(ahead, abs=1)
    assert [sentence.rstrip(".") for sentence in sentences] == [
        reason for reason in facts["state"]["because"] if "clocks" in reason
    ]
    if refused:
        text = await tools.refusal("list_notes")
        assert "does not accept this gateway" in text
        assert "Only the operator can fix this" in text
        assert not re.search(r"skew|\breason\b|\d+ s\b", text), "how far they are apart is no model's matter"
    else:
        await tools.call("list_notes")


@pytest.mark.parametrize(
    "signature", [Signature("v1", 300), Signature("v2", 60)], ids=lambda one: one.version
)
async def test_the_operator_is_warned_before_calls_are_refused(
    signature: Signature, api: Process, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"TOOLBRIDGE_METRICS_PORT": str(port), "TOOLBRIDGE_SIGNATURE": signature.version}
    gateway = gateway_process(api.url, tmp_path, **settings)
    clock = MovedClock.of(gateway, tmp_path)
    with running(gateway):
        async with over_http(gateway.url, token("ann", exp=LATER)) as tools:
            for direction in (1, -1):
                for seconds in STEPS:
                    clock.move(direction * seconds)
                    await asyncio.sleep(1.1)  # readiness keeps its answer for a second
                    await shown(gateway, PrivatePort(port), tools, signature, direction * seconds)
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    told = [line for line in lines if "clocks of gateway and API" in line["message"]]
    assert [line["message"] for line in told] == [APART, AGREE] * 2
    assert [round(line["clock_difference_seconds"] / 10) for line in told] == [3, 0, -3, 0]
    refusal = next(line for line in lines if "does not accept" in line["message"])
    first = next(seconds for seconds in STEPS if seconds > signature.window)
    assert refusal["reason"] == "clock"
    assert refusal["clock_difference_seconds"] == pytest.approx(first, abs=1)
    assert refusal["skew_seconds"] == pytest.approx(first, abs=1)


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "COMPARE_SECONDS", PERIOD)
    monkeypatch.setattr(upstream, "COMPARE_SECONDS", PERIOD)
    monkeypatch.setattr(upstream, "FIRST_COMPARED_SECONDS", 0.05)


@asynccontextmanager
async def recorded_client(api_url: str) -> AsyncIterator[tuple[ApiClient, Recording]]:
    """A client of the API, for which nobody probes but itself."""
    settings, recorded = settings_for(api_url), Recording(connections())
    outbound = ForwardedToken(lambda: None)
    signer = Signer.of(settings)
    async with ApiClient(lambda: api_http(settings, signer, outbound, recorded), signer) as client:
        yield client, recorded


def comparisons(recorded: Recording) -> int:
    return sum(request.url.path == "/readyz" for request in recorded.requests)


@pytest.mark.usefixtures("_often")
async def test_they_are_compared_at_the_start_and_then_as_often_as_they_have_to_be(
    api: Process, bearer: str
) -> None:
    recorded = Recording(connections())
    server = create_server(settings_for(api.url), transport=recorded)
    async with in_memory(server, bearer):
        assert comparisons(recorded) == 1, "a start looks whether the API is ready"
        await asyncio.sleep(4.5 * PERIOD)
        assert 4 <= comparisons(recorded) <= 5
        asked = [request for request in recorded.requests if request.url.path == "/readyz"]
        assert all("Authorization" not in request.headers for request in asked[1:]), "nobody's token is sent"
    seen = comparisons(recorded)
    await asyncio.sleep(2 * PERIOD)
    assert comparisons(recorded) == seen, "a gateway that has ended asks nobody"


@pytest.mark.usefixtures("_often")
async def test_other_probes_take_the_place_of_a_comparison(api: Process) -> None:
    async with recorded_client(api.url) as (client, recorded):
        for _ in range(10):
            await client.check_ready()
            await asyncio.sleep(PERIOD / 5)
        assert comparisons(recorded) == 10


@pytest.mark.usefixtures("_often")
async def test_they_are_compared_again_after_an_outage_of_the_api(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path)) as own:
        async with recorded_client(own.url) as (client, recorded):
            await client.check_ready()
            own.kill()
            await asyncio.sleep(4 * PERIOD)
            own.start()
            before = comparisons(recorded)
            await asyncio.sleep(3 * PERIOD)
            assert comparisons(recorded) > before
            assert client.disagreements() == []


def test_the_log_reminds_of_it_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at = [1000.0]
    monkeypatch.setattr("toolbridge_mcp.client.clocks.time.monotonic", lambda: at[0])
    compared = Clocks()
    for minute in range(150):
        at[0] = 1000 + minute * 60
        compared.compare(formatdate(NOW, usegmt=True), NOW + (29 if minute < 10 else 45))
    for difference in (29, 26, 24, 29, 0):
        compared.compare(formatdate(NOW, usegmt=True), NOW + difference)
    assert [line.getMessage() for line in caplog.records] == [APART, APART, APART, AGREE]


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Fri, 99 Nov 2026 10:00:00 GMT", f"Fri, 27 Nov 2026 10:00:00 +{'9' * 20}"],
)
def test_an_api_that_does_not_say_the_time_has_no_clock_to_compare(date: str) -> None:
    assert seconds_ahead(date, NOW) is None
    compared = Clocks()
    compared.compare(date, NOW)
    assert (compared.ahead, compared.are_apart) == (None, False)


def told_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    names = ("reason", "skew_seconds")
    return [
        {name: vars(line)[name] for name in names if name in vars(line)}
        for line in caplog.records
        if "does not accept" in line.getMessage()
    ]


@pytest.mark.parametrize(
    ("details", "facts", "problem"),
    [
        ({"reason": "clock", "skewSeconds": -83}, {"reason": "clock", "skew_seconds": -83}, "83 s apart"),
        ({"reason": "replay"}, {"reason": "replay"}, "receives one of them twice"),
        ({"reason": "digest"}, {"reason": "digest"}, "contents are changed on the way"),
        ({"reason": "version", "versions": ["v2"]}, {"reason": "version"}, "correct TOOLBRIDGE_SIGNATURE"),
        ({"reason": "expired"}, {"reason": "expired"}, "valid for less time"),
        ({"reason": "downgrade"}, {"reason": "downgrade"}, "what it says of them is changed"),
        ({"reason": "of an API to come"}, {"reason": "other"}, "tenant, secret or clock disagree"),
        ({"reason": ["clock"], "skewSeconds": "83"}, {"reason": "other"}, "tenant, secret or clock disagree"),
        ({}, {"reason": "other"}, "tenant, secret or clock disagree"),
    ],
    ids=str,
)
def test_what_the_api_says_of_its_refusal_reaches_the_operator(
    details: dict[str, Any], facts: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    standing = Standing(lambda: 60)
    for _ in range(3):
        standing.refused(Response(401, (), b""), details)
    assert told_of(caplog) == [facts]
    (sentence,) = standing.problems()
    assert problem in sentence


def test_another_process_of_the_api_is_told_and_leaves_the_gateway_ready(
    caplog: pytest.LogCaptureFixture,
) -> None:
    standing = Standing(lambda: 60)
    standing.refused(Response(401, (), b""), {"reason": "process"})
    assert (told_of(caplog), standing.problems()) == ([{"reason": "process"}], [])
    standing.refused(Response(401, (), b""), {"reason": "replay"})
    standing.refused(Response(401, (), b""), {"reason": "process"})
    (sentence,) = standing.problems()
    assert "receives one of them twice" in sentence


def test_each_reason_is_told(caplog: pytest.LogCaptureFixture) -> None:
    standing = Standing(lambda: 60)
    for reason in ("clock", "replay", "clock", "replay", "x", "y"):
        standing.refused(Response(401, (), b""), {"reason": reason})
    assert told_of(caplog) == [{"reason": "clock"}, {"reason": "replay"}, {"reason": "other"}]


def test_a_warning_ends_where_the_problem_begins() -> None:
    standing = Standing(lambda: 60)
    found = []
    for difference in (0, 29, 31, 59, 61, 31, 0):
        standing.clocks.compare(formatdate(time.time() - difference, usegmt=True), time.time() + 0.5)
        found.append((len(standing.cautions()), len(standing.problems())))
    assert found == [(0, 0), (0, 0), (1, 0), (1, 0), (0, 1), (1, 0), (0, 0)]
