"""A certified OpenID provider as a process of a test: the npm package `oidc-provider`, as it comes."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.harness.processes import START_SECONDS, free_port
from tests.real_clients.packages import STATE, find_node, install_packages

HERE = Path(__file__).parent
CLIENT = ("the:gateway", "secret of the gateway: +/&=%")
"""Id and secret of the gateway there, with characters that need quoting."""

TENANT = "test-tenant"


@cache
def _packages() -> tuple[Path, Path]:
    node, npm = find_node()
    return node, install_packages(npm, HERE, STATE / "openid")


@dataclass
class OpenIdProvider:
    """`redirect` is where it sends people back to: the only client is the gateway, and none can register."""

    redirect: str
    audience: str = "https://api.example"
    authentication: str = "client_secret_basic"
    lifetime: int = 3600
    opaque: bool = False
    """Whether access tokens are no JWTs."""

    port: int = field(default_factory=free_port)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """What it has told: each grant of a token, and each refusal of one."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        node, packages = _packages()
        settings = {
            "issuer": self.issuer,
            "port": self.port,
            "client": CLIENT[0],
            "secret": CLIENT[1],
            "redirect": self.redirect,
            "audience": self.audience,
            "authentication": self.authentication,
            "lifetime": self.lifetime,
            "opaque": self.opaque,
            "tenant": TENANT,
        }
        command = [str(node), str(HERE / "provider.mjs"), str(packages), json.dumps(settings)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        self._told: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._listen, args=[self._process], daemon=True)
        self._thread.start()
        self._wait_for("ready")

    def stop(self) -> None:
        """The port refuses connections from now on; what was granted is forgotten."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def change(self, **settings: Any) -> None:
        """Changes `lifetime`, in seconds, or `refuses`, whether tokens are answered with 503."""
        self._process.stdin.write(f"{json.dumps(settings)}\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        self._wait_for("changed")

    def revoke(self) -> None:
        """Ends all that was granted so far."""
        self.change(revoke=True)

    def grants(self, kind: str) -> list[dict[str, Any]]:
        """The requests for tokens of one kind that were granted."""
        return [line for line in self.lines if line.get("grant") == kind and "error" not in line]

    @property
    def ended(self) -> list[dict[str, Any]]:
        """The refresh tokens that were revoked."""
        return [line for line in self.lines if "ended" in line]

    def refusals(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("grant") == kind and "error" in line]

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        for text in process.stdout:  # type: ignore[union-attr]
            line = json.loads(text)
            if line.keys() & {"ready", "changed"}:
                self._told.put(next(iter(line)))
            else:
                self.lines.append(line)

    def _wait_for(self, word: str) -> None:
        assert self._told.get(timeout=START_SECONDS) == word


@contextmanager
def running_provider(provider: OpenIdProvider) -> Iterator[OpenIdProvider]:
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
