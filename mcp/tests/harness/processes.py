"""The real API binary and the real gateway as processes of a test, on free ports of 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

TENANT_ID = "test-tenant"
TENANT_HEADER_SECRET = "tenant-secret-of-the-tests-0123456789"
JWT_HS256_SECRET = "jwt-secret-of-the-tests-0123456789abc"
SECRETS = {
    "TENANT_ID": TENANT_ID,
    "TENANT_HEADER_SECRET": TENANT_HEADER_SECRET,
    "JWT_HS256_SECRET": JWT_HS256_SECRET,
}
GATEWAY_FOLDER = Path(__file__).parents[2]
REPOSITORY = GATEWAY_FOLDER.parent
START_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Process:
    """A server that can be killed, started again and stopped; it is ready when `start` returns."""

    command: list[str]
    environment: Mapping[str, str]
    port: int
    log: Path
    folder: Path = GATEWAY_FOLDER
    ready_path: str = "/readyz"
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**environment, **self.environment},
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._answers():
                return
            if self._process and self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.command[-1]} did not get ready:\n{self.log.read_text()}")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}{self.ready_path}", trust_env=False, timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def wait(self, seconds: float = START_SECONDS) -> int:
        assert self._process
        return self._process.wait(timeout=seconds)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int | None:
        """Ends the process politely and returns its exit code; None if it never ran."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()


@contextmanager
def running(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.stop()


def secrets_beside(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The secrets of a process; with a key set there is none for tokens."""
    public = {"JWT_JWKS_URL", "TOOLBRIDGE_JWT_JWKS_URL"} & settings.keys()
    return {name: value for name, value in SECRETS.items() if not (public and name == "JWT_HS256_SECRET")}


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
    return Process([sys.executable, "-m", "toolbridge_mcp"], environment, port, folder / "gateway.log")
