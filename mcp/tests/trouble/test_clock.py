"""What is seen of a clock that is 10 minutes off.

The gateway's clock is moved, against that of the API and of the issuer of tokens. On one machine, gateway and
API share a clock. The table says what a caller is told, how ready the gateway is, and what the doctor says.
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import Tools, over_http, text_of, token
from tests.harness.processes import GATEWAY_FOLDER, Process, api_process, gateway_process, running
from tests.harness.table import head, row

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

SECONDS = 600
MOVED = """
import runpy, time
right = time.time
time.time = lambda: right() + {}
runpy.run_module("toolbridge_mcp", run_name="__main__")
"""


def with_clock(process: Process, offset: int) -> Process:
    """The same program, by another clock."""
    process.command[1:3] = ["-c", MOVED.format(offset)]
    return process


async def told(tools: Tools, name: str, **arguments: str) -> str:
    result = await tools.result(name, **arguments)
    return text_of(result).split(" Correlation id:")[0] if result.is_error else "the answer"


async def status(gateway: Process, lifetime: int) -> str:
    """What becomes of a token that is good for so many seconds by the issuer's clock."""
    bearer = token("ann", exp=int(time.time()) + lifetime, nbf=int(time.time()))
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("GET", f"{gateway.url}/sse", headers=headers) as answer,
    ):
        return f"{answer.status_code} {answer.headers.get('WWW-Authenticate', '')}"


async def readiness(gateway: Process) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{gateway.url}/readyz")
    return f"{answer.status_code} {answer.text}"


def doctor(gateway: Process, offset: int) -> str:
    """Its first failure."""
    done = subprocess.run(
        [sys.executable, "-c", MOVED.format(offset), "doctor"],
        cwd=GATEWAY_FOLDER,
        env=dict(gateway.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    return failed[0] if failed else f"nothing failed, exit code {done.returncode}"


async def show(clock: str, gateway: Process, offset: int) -> None:
    async with over_http(gateway.url, token("ann", exp=int(time.time()) + 7200)) as tools:
        row(clock, "a read", await told(tools, "list_notes"))
        row(clock, "a write", await told(tools, "create_note", title="t", content="c"))
    row(clock, "a new token, good for 5 minutes", await status(gateway, 300))
    row(clock, "/readyz", await readiness(gateway))
    diagnosis = await asyncio.to_thread(doctor, gateway, offset)
    row(clock, "the doctor", diagnosis)
    assert diagnosis.startswith("failed") == bool(offset)


async def test_a_clock_that_is_off(api_binary: Path, tmp_path: Path) -> None:
    head("the gateway's clock", "asked", "answer", numbers_from=3)
    with running(api_process(api_binary, tmp_path)) as api:
        for clock, offset in (("right", 0), ("10 minutes ahead", SECONDS), ("10 minutes behind", -SECONDS)):
            with running(with_clock(gateway_process(api.url, tmp_path), offset)) as gateway:
                await show(clock, gateway, offset)
