"""A collector that is down, slow, or answers nonsense: no call fails or waits, and little is said of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness.clients import token
from tests.harness.collector import QUICKLY
from tests.harness.processes import Process, free_port, gateway_process
from tests.telemetry.raw_clients import session

pytestmark = pytest.mark.anyio

SECRET = "wombat-secret"
CALLS = 30

MOST_BUFFERED = 30_000_000
"""More than systems keep of what nobody reads."""

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(answer: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return behave


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


FAILURES = {
    "refuses": says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\nwombat-secret"),
    "is overloaded": says(b"HTTP/1.1 503 Wombat-Secret\r\nRetry-After: 9999\r\nContent-Length: 0\r\n\r\n"),
    "is no HTTP server": says(b"SSH-2.0-wombat-secret\r\n"),
    "closes": says(b""),
    "is silent": silent,
}


@asynccontextmanager
async def listening(behave: Behaviour) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def traced(api: Process, folder: Path, address: str, **settings: str) -> AsyncIterator[Process]:
    """A gateway that sends its traces there, with credentials."""
    place = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{SECRET}@{address}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={SECRET}",
    }
    gateway = gateway_process(api.url, folder, **place, **QUICKLY, **settings)
    await asyncio.to_thread(gateway.start)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(gateway.stop)


def warnings(gateway: Process) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    return [line for line in lines if line["level"] not in ("info", "debug")]


async def call(gateway: Process, calls: int = CALLS) -> float:
    """How long calls take, each of which succeeds."""
    begun = time.monotonic()
    async with session(gateway.url, token("ann")) as send:
        for _ in range(calls):
            answer = await send("tools/call", {"name": "whoami", "arguments": {}})
            assert answer["result"]["isError"] is False
    return time.monotonic() - begun


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_collector_that_fails_costs_no_call_and_one_line(
    failure: str, api: Process, tmp_path: Path
) -> None:
    async with (
        listening(FAILURES[failure]) as address,
        traced(api, tmp_path, address, OTEL_EXPORTER_OTLP_TIMEOUT="1500") as gateway,
    ):
        assert await call(gateway) < 10
        await asyncio.sleep(4)  # several batches have failed by then
        await call(gateway, 1)
        stopped = time.monotonic()
        await asyncio.to_thread(gateway.stop)
        assert time.monotonic() - stopped < 8
    (said,) = warnings(gateway)
    assert (said["message"], said["level"]) == ("traces are not sent", "warning")
    assert SECRET not in gateway.log.read_text().lower()
    assert address not in gateway.log.read_text()


async def test_a_collector_that_is_not_there_costs_no_call_and_one_line(api: Process, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with traced(api, tmp_path, address, OTEL_EXPORTER_OTLP_TIMEOUT="1500") as gateway:
        await call(gateway)
        await asyncio.sleep(4)
    (said,) = warnings(gateway)
    assert said["message"] == "traces are not sent"
    assert address not in gateway.log.read_text()


async def test_an_endless_answer_is_not_read(api: Process, tmp_path: Path) -> None:
    taken: list[int] = []

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        taken.append(0)
        place = len(taken) - 1
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
            taken[place] += 0x10000

    async with listening(endless) as address, traced(api, tmp_path, address) as gateway:
        await call(gateway)
        await asyncio.sleep(1)
    assert 0 < max(taken) < MOST_BUFFERED
    assert warnings(gateway) == []


async def test_a_redirect_is_not_followed(api: Process, tmp_path: Path) -> None:
    followed = asyncio.Event()

    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.set()
        writer.close()

    async with listening(other) as elsewhere:
        to = b"HTTP/1.1 307 X\r\nLocation: http://%b/\r\nContent-Length: 0\r\n\r\n" % elsewhere.encode()
        async with listening(says(to)) as address, traced(api, tmp_path, address) as gateway:
            await call(gateway, 1)
            await asyncio.sleep(1)
    (said,) = warnings(gateway)
    assert said["message"] == "traces are not sent"
    assert not followed.is_set()


async def test_a_full_queue_loses_spans_and_nothing_else(api: Process, tmp_path: Path) -> None:
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "5", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"}
    async with listening(silent) as address, traced(api, tmp_path, address, **small) as gateway:
        assert await call(gateway) < 10
    (said,) = warnings(gateway)
    assert said["message"] == "traces are not sent"
