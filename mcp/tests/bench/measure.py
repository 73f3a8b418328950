"""The measurements of scripts/bench.sh: `python -m tests.bench.measure (api | gateway) SECONDS FOLDER`."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.harness.clients import over_sse, signed, token
from tests.harness.processes import (
    Process,
    api_process,
    gateway_process,
    running,
)
from tests.harness.table import head, row, say

CONNECTIONS = 10
UNLIMITED = {f"RATE_LIMIT_{what}": "off" for what in ("READS", "WRITES", "SESSIONS")}
NOTE = {"title": "A title", "content": "x" * 320, "tags": ["one", "two"]}


def processor_seconds(process: Process) -> float:
    """User and system time of the process so far."""
    fields = Path("/proc", str(process.pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def headers(method: str, url: str) -> dict[str, str]:
    request = signed(httpx.Request(method, url))
    return {**request.headers, "Authorization": f"Bearer {token('bench')}", "X-Sync-Session": "new"}


# The API


def load(
    name: str, api: Process, folder: Path, seconds: float, method: str, path: str, body: object = None
) -> None:
    url = f"{api.url}{path}"
    file = folder / "headers.json"
    file.write_text(json.dumps(headers(method, url)))
    command = ["toolbridge-load", "-method", method, "-connections", str(CONNECTIONS), "-headers", str(file)]
    command += ["-duration", f"{seconds}s", "-body", json.dumps(body) if body else "", url]
    before = processor_seconds(api)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    used = processor_seconds(api) - before
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failures"]:
        raise RuntimeError(f"{method} {path}: {result['failures']} failures")
    answers = result["answers"]
    row(name, f"{answers / result['seconds']:,.0f}", f"{used / answers * 1e6:,.0f}")


def measure_api(name: str, process: Process, folder: Path, seconds: float) -> None:
    with running(process) as api:
        uid, notes = str(uuid4()), f"{api.url}/v1/notes"
        for note in ({**NOTE, "uid": uid}, *[NOTE] * 30):
            httpx.post(notes, json=note, headers=headers("POST", notes), trust_env=False).raise_for_status()
        say(f"\n{name}, {CONNECTIONS} connections\n")
        head("call", "requests a second", "processor time of the API, us")
        load("get", api, folder, seconds, "GET", f"/v1/notes/{uid}")
        load("list(20)", api, folder, seconds, "GET", "/v1/notes?limit=20")
        load("create", api, folder, seconds, "POST", "/v1/notes", NOTE)
        load("patch", api, folder, seconds, "PATCH", f"/v1/notes/{uid}", {"title": "Another"})
        load("open a session", api, folder, 0.1, "POST", "/v1/sync/sessions")
        load("the same after very many", api, folder, seconds * 3, "POST", "/v1/sync/sessions")
        load("the same after those", api, folder, 0.1, "POST", "/v1/sync/sessions")


def bench_api(binary: Path, folder: Path, seconds: float) -> None:
    measure_api("SQLite", api_process(binary, folder, **UNLIMITED), folder, seconds)
    database = os.environ["TOOLBRIDGE_TEST_POSTGRES"]
    postgres = api_process(binary, folder, DATABASE_URL=database, **UNLIMITED)
    measure_api("PostgreSQL", postgres, folder, seconds)


# The gateway


async def call_until(url: str, user: str, ready: asyncio.Barrier, end: Callable[[], float]) -> int:
    async with over_sse(url, token(user)) as tools:
        uid = (await tools.call("create_note", title="t", content=NOTE["content"]))["uid"]
        await tools.call("get_note", uid=uid)
        await ready.wait()
        calls, deadline = 0, end()
        while time.monotonic() < deadline:
            await tools.client.call_tool_mcp("get_note", {"uid": uid})
            calls += 1
        return calls


async def measure_gateway(gateway: Process, api: Process, sessions: int, seconds: float) -> None:
    ready = asyncio.Barrier(sessions + 1)
    jobs = [
        asyncio.create_task(
            call_until(gateway.url, f"bench-{number}", ready, lambda: time.monotonic() + seconds)
        )
        for number in range(sessions)
    ]
    await ready.wait()
    before = processor_seconds(gateway), processor_seconds(api)
    calls = sum(await asyncio.gather(*jobs))
    used = processor_seconds(gateway) - before[0], processor_seconds(api) - before[1]
    row(sessions, f"{calls / seconds:,.0f}", *(f"{part / calls * 1000:.2f}" for part in used))


def bench_gateway(binary: Path, folder: Path, seconds: float) -> None:
    api = api_process(binary, folder, **UNLIMITED)
    with running(api), running(gateway_process(api.url, folder)) as gateway:
        say("\nget_note over SSE, called by the Python client on the same machine\n")
        head(
            "sessions",
            "calls a second",
            "processor time of the gateway, ms",
            "of the API, ms",
            numbers_from=0,
        )
        for sessions in (1, 10, 50):
            asyncio.run(measure_gateway(gateway, api, sessions, seconds))


def main() -> None:
    what, seconds, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    binary = shutil.which("toolbridge-api")
    if binary is None:
        sys.exit("toolbridge-api is not on PATH; run scripts/bench.sh")
    {"api": bench_api, "gateway": bench_gateway}[what](Path(binary), folder, seconds)


if __name__ == "__main__":
    main()
