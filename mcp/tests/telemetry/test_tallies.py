"""What operations add up to: everything that was measured, in a bounded number of sums."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.harness.both_ways.records import Peer
from tests.harness.both_ways.served import BY_HAND, Served, in_session, serving
from tests.harness.clients import CLIENT
from toolbridge_mcp.telemetry import STAGES, Operation, operation
from toolbridge_mcp.telemetry.labels import MAX_CLIENTS, OTHER, UNKNOWN, Clients
from toolbridge_mcp.telemetry.tallies import MAX_REMEMBERED, MAX_TALLIES, RESPONSE, Kind, Tallies
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web.entry.address import MCP_PATH

PEER = Peer(
    "2025-06-18", json.dumps({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT})
)
UNREAD = RESPONSE
"""The method of every message here: the door reads it, which is not there."""


@pytest.fixture
def tallies() -> Iterator[Tallies]:
    """Those of the operations that finish meanwhile."""
    added = Tallies()
    operation.observe(added.add)
    yield added
    operation._observers.remove(added.add)


async def answered(name: str, arguments: dict[str, object]) -> Result:
    return Result((f"{name}{len(arguments)}",))


async def call(served: Served, headers: list[tuple[bytes, bytes]], **params: object) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", **params}}
    await served.post(MCP_PATH, json.dumps(message).encode(), headers).whole()


@pytest.mark.anyio
async def test_messages_add_up_by_what_they_are_and_how_they_ended(tallies: Tallies) -> None:
    async with serving(answered, short_way=True) as served:
        headers = in_session(BY_HAND, await served.open_session(PEER))
        for _ in range(3):
            await call(served, headers)
        await call(served, headers, arguments=5)
    sums = {tally.kind: tally for tally in tallies.all()}
    good = sums[Kind(UNREAD, "", "", 0, "streamable-http", "2025-06-18", "by-hand")]
    bad = sums[Kind(UNREAD, "", "", -32602, "streamable-http", "2025-06-18", "by-hand")]
    assert (good.count, bad.count) == (4, 1)  # the first is notifications/initialized
    assert good.bytes_in == 54 + 3 * 76
    assert good.bytes_out > 3 * 50
    assert 0 < good.seconds < 5
    assert sum(tallies.sizes_in) == sum(tally.count for tally in tallies.all())


def finished(**changes: object) -> Operation:
    one = Operation("tools/call", transport="sse", arrived_at=100, verified_at=100.125, bytes_in=10)
    one.name, one.outcome, one.begun_at, one.answered_at = "get_note", "ok", 100.25, 101.25
    one.sign_seconds, one.upstream_seconds, one.result_bytes = 0.125, 0.5, 400
    for name, value in changes.items():
        setattr(one, name, value)
    return one


def test_the_stages_of_a_call_are_its_time() -> None:
    tallies = Tallies()
    tallies.add(finished())
    (tally,) = tallies.all()
    assert dict(zip(STAGES, tally.stage_seconds, strict=True)) == {
        "verify": 0.125,
        "admit": 0.125,
        "sign": 0.125,
        "upstream": 0.5,
        "shape": 0.375,
    }
    assert sum(tally.stage_seconds) == tally.seconds == 1.25
    assert [sum(counts) for counts in tallies.stages] == [1] * 5


def test_what_callers_choose_makes_a_bounded_number_of_sums() -> None:
    tallies = Tallies()
    for number in range(3 * MAX_TALLIES):
        tallies.add(finished(outcome=f"E{number}", client=f"c{number % 100}/{number}"))
        tallies.add(finished(method=f"m{number}", revision=f"r{number}", error_code=number))
    kinds = [tally.kind for tally in tallies.all()]
    assert len({kind.client for kind in kinds}) <= MAX_CLIENTS + 1
    assert {kind.method for kind in kinds} == {"tools/call", OTHER}
    assert {kind.revision for kind in kinds} == {"", OTHER}
    assert {kind.error_code for kind in kinds} == {0, -1}
    assert all(kind.client == OTHER for kind in kinds[MAX_TALLIES:])
    assert sum(tally.count for tally in tallies.all()) == 6 * MAX_TALLIES


def test_long_names_are_not_kept() -> None:
    tallies = Tallies()
    tallies.add(finished(method="m"))
    tracemalloc.start()
    try:
        for number in range(MAX_REMEMBERED):
            tallies.add(finished(method=f"{number}{'m' * 10_000}"))
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    assert [tally.count for tally in tallies.all()] == [1 + MAX_REMEMBERED]


@pytest.mark.parametrize(
    ("client", "label"),
    [
        ("Claude-Code/2.1.0", "claude-code"),
        ("some-agent/1", "some-agent"),
        ("mcp/0.1/x", OTHER),
        ("ann@example.com/1", OTHER),
        ("3f9a01bc/1", OTHER),
        ("key-4912387/1", OTHER),
        ("x" * 128, OTHER),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_client_is_known_by_a_plain_name(client: str | None, label: str) -> None:
    assert Clients().label(client) == label


def test_well_known_clients_have_a_place_whatever_others_call_themselves() -> None:
    clients = Clients()
    names = [f"{letter}{other}" for letter in "abcdefghijkl" for other in "mnopqrstuvwx"]
    labels = [clients.label(f"{name}/1") for name in names]
    assert labels[:MAX_CLIENTS] == names[:MAX_CLIENTS]
    assert set(labels[MAX_CLIENTS:]) == {OTHER}
    assert clients.label("claude-code/9") == "claude-code"
