"""The real API binary and the real gateway as processes of a test, on free ports of 127.0.0.1."""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from tests.harness import both_ways, log_search
from tests.harness.forked import ForkedGateway

TENANT_ID = "test-tenant"
TENANT_HEADER_SECRET = "tenant-secret-of-the-tests-0123456789"
JWT_HS256_SECRET = "jwt-secret-of-the-tests-0123456789abc"
SECRETS = {
    "TENANT_ID": TENANT_ID,
    "TENANT_HEADER_SECRET": TENANT_HEADER_SECRET,
    "JWT_HS256_SECRET": JWT_HS256_SECRET,
}
INSTEAD = {
    "TENANT_HEADER_SECRET": {"TENANT_HEADER_KEYS", "TENANT_HEADER_KEYS_FILE"},
    "JWT_HS256_SECRET": {"JWT_HS256_KEYS", "JWT_HS256_KEYS_FILE", "JWT_JWKS_URL"},
}
"""What may be given in place of a secret."""

GATEWAY_FOLDER = Path(__file__).parents[2]
REPOSITORY = GATEWAY_FOLDER.parent
GATEWAY_COMMAND = [sys.executable, "-m", "toolbridge_mcp"]
START_SECONDS = float(os.environ.get("TOOLBRIDGE_TEST_START_SECONDS", "60"))
"""How long a program may take to start or to stop. A busy machine takes many times what an idle one takes."""

INHERITED = {"PATH", "HOME", both_ways.FOLDER, log_search.FOLDER}
"""What every program of the tests has in its environment."""

FIRST_PORT, PORTS_OF_A_WORKER = 20_000, 1_000
"""Ports below those that systems use for outgoing connections. Each worker of pytest-xdist has its own."""


def _ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + worker * PORTS_OF_A_WORKER
    ports = range(first, first + PORTS_OF_A_WORKER)
    start = random.randrange(PORTS_OF_A_WORKER)
    return itertools.cycle([*ports[start:], *ports[:start]])


_NEXT_PORTS = _ports()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses. No other call in this run returns it for a long time."""
    return next(filter(_is_free, _NEXT_PORTS))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class NotReady(AssertionError):
    """Why a program did not start."""


@dataclass
class Process:
    """A server that can be killed, started again and stopped; it is ready when `start` returns."""

    command: list[str]
    environment: Mapping[str, str]
    port: int
    log: Path
    folder: Path = GATEWAY_FOLDER
    ready_path: str = "/readyz"
    _process: "subprocess.Popen[bytes] | ForkedGateway | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves: of a gateway the child, a fork of the process that was started."""
        return self._all()[-1].pid

    def _all(self) -> list[psutil.Process]:
        """The process that was started, and its fork if it serves by one."""
        assert self._process
        started = psutil.Process(self._process.pid)
        command = started.cmdline()
        return [started, *(child for child in started.children() if child.cmdline() == command)]

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Starts the process, and does not wait until it is ready."""
        inherited = {name: os.environ[name] for name in INHERITED & os.environ.keys()}
        environment = {**inherited, **self.environment}
        log_search.confide_secrets(environment)
        if not any(word.startswith("tests.") for word in self.command):
            log_search.this_run().keep(self.log)
        if self.command == GATEWAY_COMMAND:
            self._process = ForkedGateway(environment, self.folder, self.log)
        else:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command, env=environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
                )

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.is_ready():
                return
            if self._process and self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise NotReady(self._why_not_ready())

    def _why_not_ready(self) -> str:
        assert self._process
        code = self._process.poll()
        reason = f"within {START_SECONDS:g} s" if code is None else f"and ended with code {code}"
        log = self.log.read_text(errors="replace").strip() or "(nothing)"
        return (
            f"{self.command[-1]} did not get ready {reason}. "
            f"On a slow machine set TOOLBRIDGE_TEST_START_SECONDS higher. It logged:\n{log}"
        )

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}{self.ready_path}", trust_env=False, timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Sends the signal to the process that was started. SIGSTOP and SIGCONT reach its fork, too: all of
        it is frozen when this returns, if it is SIGSTOP."""
        assert self._process
        if number not in (signal.SIGSTOP, signal.SIGCONT):
            self._process.send_signal(number)
            return
        for process in self._all():
            process.send_signal(number)
            while number == signal.SIGSTOP and process.status() != psutil.STATUS_STOPPED:
                time.sleep(0.001)

    def wait(self, seconds: float = START_SECONDS) -> int:
        assert self._process
        return self._process.wait(timeout=seconds)

    def kill(self) -> None:
        """Kills the process that was started; its fork ends with it."""
        forks = self._all()[1:]
        self.signal(signal.SIGKILL)
        self.wait()
        psutil.wait_procs(forks, START_SECONDS)

    def stop(self) -> int | None:
        """Ends the process politely and returns its exit code; None if it never ran."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()


@contextmanager
def running(process: Process) -> Iterator[Process]:
    try:
        process.start()
        yield process
    finally:
        process.stop()


@contextmanager
def shared(session: pytest.Session, make: Callable[[], Process]) -> Iterator[Process]:
    """A process that all tests of the session use. When it does not start, a second one is tried.

    If that fails too, the test that needed it first reports why, and the session ends: every other test
    would only repeat the message.
    """
    with ExitStack() as stack:
        try:
            process = stack.enter_context(running(make()))
        except NotReady:
            try:
                process = stack.enter_context(running(make()))
            except NotReady:
                session.shouldfail = "a program that all tests need did not start, twice"
                raise
        yield process


def secrets_beside(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The secrets of a process that the settings do not give otherwise: as a list, in a file, or as a key set
    for tokens."""
    given = {name.removeprefix("TOOLBRIDGE_") for name in settings}
    return {name: value for name, value in SECRETS.items() if given.isdisjoint(INSTEAD.get(name, ()))}


def api_process(binary: Path, folder: Path, **settings: str) -> Process:
    """The API on a SQLite file in `folder`."""
    port = free_port()
    environment = {
        **secrets_beside(settings),
        "HTTP_ADDR": f"127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite://{folder}/toolbridge.db",
        **settings,
    }
    return Process([str(binary)], environment, port, folder / "api.log")


def gateway_process(api_url: str, folder: Path, **settings: str) -> Process:
    """The gateway in front of the API at `api_url`."""
    port = free_port()
    environment = {
        **secrets_beside(settings),
        "TOOLBRIDGE_HOST": "127.0.0.1",
        "TOOLBRIDGE_PORT": str(port),
        "TOOLBRIDGE_GO_API_BASE_URL": api_url,
        **settings,
    }
    return Process(list(GATEWAY_COMMAND), environment, port, folder / "gateway.log")
