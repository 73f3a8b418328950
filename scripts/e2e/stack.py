"""The stack under test: where it is, what it shares with its callers, what it logged."""

import asyncio
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

from e2e.report import Failed, expect

Json = dict[str, Any]

LINE_SECONDS = 0.05


@dataclass(frozen=True)
class Stack:
    """A gateway, the API behind it, and the secrets of both."""

    gateway: str
    api: str
    tenant: str
    tenant_secret: str
    jwt_secret: str
    issuer: str
    audience: str
    data: Path
    log: Path
    api_binary: Path
    repository: Path

    @classmethod
    def from_environment(cls) -> "Stack":
        value = os.environ
        data = Path(value["TOOLBRIDGE_DATA_DIR"])
        return cls(
            gateway=value["TOOLBRIDGE_E2E_GATEWAY_URL"],
            api=value["TOOLBRIDGE_E2E_API_URL"],
            tenant=value["TENANT_ID"],
            tenant_secret=value["TENANT_HEADER_SECRET"],
            jwt_secret=value["JWT_HS256_SECRET"],
            issuer=value["JWT_ISSUER"],
            audience=value["JWT_AUDIENCE"],
            data=data,
            log=data / "toolbridge.log",
            api_binary=Path(value["TOOLBRIDGE_E2E_API_BINARY"]),
            repository=Path(__file__).resolve().parents[2],
        )


HEALTH = frozenset({"/healthz", "/readyz"})
"""What the watchdog and the gateway ask from time to time."""


class AccessLog:
    """The requests for data that the API of a stack logs from the beginning on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._start = stack.log.stat().st_size

    @classmethod
    async def begin(cls, stack: Stack) -> Self:
        """Whatever was answered before does not count."""
        await cls(stack).requests()
        return cls(stack)

    async def requests(self) -> list[Json]:
        """Those answered so far. Lines come a moment after the answers, so a last request marks the end."""
        await asyncio.sleep(LINE_SECONDS)
        mark = uuid4().hex
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"{self._stack.api}/healthz", headers={"X-Correlation-ID": mark})
        await until(lambda: self._find(mark) is not None, 5, "a request is not in the access log")
        seen = self._entries()[: self._find(mark)]
        return [entry for entry in seen if entry["route"] not in HEALTH]

    def _find(self, correlation_id: str) -> int | None:
        numbers = (n for n, entry in enumerate(self._entries()) if entry["correlation_id"] == correlation_id)
        return next(numbers, None)

    def _entries(self) -> list[Json]:
        with self._stack.log.open("rb") as file:
            file.seek(self._start)
            lines = file.read().splitlines()
        return [entry for line in lines if (entry := _entry(line)).get("message") == "request"]


def _entry(line: bytes) -> Json:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


async def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{otherwise} after {seconds:g} s")
        await asyncio.sleep(0.02)


async def until_ready(url: str, seconds: float = 20) -> None:
    """Returns when `/readyz` answers 200."""
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        while not await _is_ready(http, url):
            expect(time.monotonic() < deadline, f"not ready after {seconds:g} s")
            await asyncio.sleep(0.05)


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def program_pid(stack: Stack, program: str) -> int:
    """The present process of a program of this stack, as its supervisord logged it."""
    spawned = re.findall(rf"spawned: '{program}' with pid (\d+)", stack.log.read_text(errors="replace"))
    expect(spawned, f"the log names no process of {program}")
    pid = int(spawned[-1])
    expect(_parent_of(pid) in {None, supervisor_pid(stack)}, f"process {pid} is not of this stack")
    return pid


def supervisor_pid(stack: Stack) -> int:
    return int((stack.data / "supervisord.pid").read_text())


def _parent_of(pid: int) -> int | None:
    """None where the system has no /proc."""
    if not Path("/proc/self/stat").exists():
        return None
    return int(_stat_fields(pid)[1])


def cpu_seconds(pid: int) -> float | None:
    """User and system time of a process so far; None where the system has no /proc."""
    if not Path("/proc/self/stat").exists():
        return None
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stat_fields(pid: int) -> list[str]:
    """The fields after the name, which may hold spaces: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
