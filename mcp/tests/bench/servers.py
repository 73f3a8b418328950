"""The programs of a comparison, as they run in production, and the data in them."""

import configparser
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench.load import NOTE, RARE, Session
from tests.harness.authorization_server import AuthorizationServer
from tests.harness.clients import signed
from tests.harness.processes import (
    SECRETS,
    Process,
    api_process,
    free_port,
    gateway_process,
    running,
)

AUDIENCE = "bench"
HIGH = "60000000:10000000"
LIMITS_OF_THE_API = {
    **{f"RATE_LIMIT_{what}": HIGH for what in ("READS", "WRITES", "SESSIONS")},
    "QUOTA_ITEMS": "100000000",
    "QUOTA_BYTES": "1000000000000",
}
LIMITS_OF_THE_GATEWAY = {
    "TOOLBRIDGE_RATE_LIMIT": HIGH,
    "TOOLBRIDGE_MESSAGE_RATE": HIGH,
    "TOOLBRIDGE_BYTE_RATE": "999999999:500000000",
}
"""All limits are on, but so high that the load does not reach them. All else is at its default."""

NOTES = 25
"""How many notes a user has at least; a few have the word that is searched for."""


def command(tree: Path) -> list[str]:
    """How supervisord starts the gateway of this tree."""
    configuration = configparser.RawConfigParser()
    configuration.read(tree / "supervisord.conf")
    program, *arguments = shlex.split(configuration["program:gateway"]["command"])
    if program != "python":
        raise ValueError(f"supervisord.conf of {tree} starts the gateway with {program}")
    return [sys.executable, *arguments]


def api(binary: Path, folder: Path, authority: AuthorizationServer, **settings: str) -> Process:
    return api_process(binary, folder, **authority.verifiers(AUDIENCE), **LIMITS_OF_THE_API, **settings)


def gateway(
    tree: Path, api_url: str, folder: Path, authority: AuthorizationServer, **settings: str
) -> Process:
    process = gateway_process(
        api_url,
        folder,
        PYTHONUNBUFFERED="1",
        TOOLBRIDGE_METRICS_PORT=str(free_port()),
        **authority.verifiers(AUDIENCE),
        **LIMITS_OF_THE_GATEWAY,
        **settings,
    )
    process.command, process.folder = command(tree), tree / "mcp"
    process.log = folder / f"gateway-{process.port}.log"
    return process


def plain(api_url: str, folder: Path, transport: str, bearer: str, *, tuned: bool) -> Process:
    """FastMCP's from_openapi."""
    port = free_port()
    how = "tuned" if tuned else "default"
    line = [sys.executable, "-m", "tests.bench.plain", api_url, str(port), transport, how]
    environment = {**SECRETS, "BENCH_TOKEN": bearer}
    if tuned:
        environment |= {
            "FASTMCP_TELEMETRY_MODE": "off",
            "FASTMCP_ENABLE_RICH_LOGGING": "false",
            "FASTMCP_LOG_LEVEL": "WARNING",
        }
    return Process(line, environment, port, folder / f"plain-{port}.log")


class Data:
    """Users and their notes, made over REST."""

    def __init__(self, api_url: str, authority: AuthorizationServer) -> None:
        self._url = f"{api_url}/v1/notes"
        self._authority = authority

    def token(self, user: str) -> str:
        return self._authority.sign(user, AUDIENCE, expires_in=24 * 3600)

    def users(self, count: int) -> list[Session]:
        """A user for each session."""
        return [self._sessions(f"bench-{number}", 1)[0] for number in range(count)]

    def one_user(self, name: str, count: int) -> list[Session]:
        """The same user for all sessions, with a note for each."""
        return self._sessions(name, count)

    def _sessions(self, user: str, count: int) -> list[Session]:
        bearer = self.token(user)
        headers = {"Authorization": f"Bearer {bearer}", "X-Sync-Session": "new"}
        with httpx.Client(headers=headers, auth=signed, trust_env=False, timeout=60) as client:
            for number in range(NOTES):
                self._create(client, {**NOTE, **({"title": f"A {RARE}"} if number % 5 == 0 else {})})
            return [Session(bearer, self._create(client, NOTE)["uid"]) for _ in range(count)]

    def _create(self, client: httpx.Client, note: dict[str, Any]) -> dict[str, Any]:
        created: dict[str, Any] = client.post(self._url, json=note).raise_for_status().json()
        return created


@contextmanager
def started(*processes: Process) -> Iterator[tuple[Process, ...]]:
    """All of them run."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(running(process)) for process in processes)


def memory(pid: int) -> dict[str, float]:
    """Megabytes of a process and its descendants; PSS counts what they share once."""
    process = psutil.Process(pid)
    used = [each.memory_full_info() for each in (process, *process.children(recursive=True))]
    return {"rss_mb": sum(each.rss for each in used) / 1e6, "pss_mb": sum(each.pss for each in used) / 1e6}
