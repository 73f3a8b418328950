"""ToolBridge with its own sign-in, as it is looked at."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.clients import settings_for
from tests.harness.person import PASSWORD, Person
from tests.harness.processes import (
    GATEWAY_FOLDER,
    NotReady,
    Process,
    api_process,
    free_port,
    gateway_process,
    running,
)
from tests.login.pitfalls.checks import AGENTS
from tests.login.pitfalls.edge import edge
from tests.login.pitfalls.subject import Subject
from tests.login.places import EMBEDDED
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.transport import Signer

TYPED = ("/mcp", "/sse", "/mcp?toolsets=crud")
NAME = "ann"


@dataclass(frozen=True)
class Own:
    """The programs, with one account."""

    api: Process
    gateway: Process

    def login(self) -> LoginApi:
        """The API's routes for the sign-in."""
        settings = settings_for(self.api.url)
        return LoginApi.of(settings, Signer.of(settings, Rings.of(settings).tenant))

    async def add_account(self) -> None:
        async with self.login() as login:
            link = (await login.add_account(NAME)).link
        with Person(self.gateway.url, NAME) as person:
            await asyncio.to_thread(person.accepts, link.token)

    def subject(self) -> Subject:
        return Subject(
            self.gateway.url, TYPED, self.visit, self.restart, self.accepts_lifetime, self.finds_blocked_agent
        )

    async def visit(self, address: str) -> str:
        with Person(self.gateway.url, NAME, PASSWORD) as person:
            return await asyncio.to_thread(person.visits, address)

    def restart(self) -> None:
        for process in (self.api, self.gateway):
            process.stop()
            process.start()

    def accepts_lifetime(self, seconds: int) -> bool:
        setting = {"TOOLBRIDGE_LOGIN_ACCESS_SECONDS": str(seconds)}
        try:
            with running(gateway_process(self.api.url, self.gateway.log.parent, **EMBEDDED, **setting)):
                return True
        except NotReady:
            return False

    def finds_blocked_agent(self) -> bool:
        """Whether the doctor names the agent that an edge in front of the gateway blocks, and no other."""
        found = []
        for blocked in AGENTS:
            port = free_port()
            public = {"TOOLBRIDGE_PUBLIC_URL": f"http://127.0.0.1:{port}"}
            gateway = gateway_process(self.api.url, self.gateway.log.parent, **EMBEDDED, **public)
            with running(gateway), edge(port, gateway.port, blocked):
                failed = [line for line in _examined(gateway) if line.startswith("failed")]
            found.append([name for name in AGENTS if any(name in line for line in failed)] == [blocked])
        return all(found)


def _examined(gateway: Process) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", "doctor"],
        env={"PATH": os.environ["PATH"], "TOOLBRIDGE_ENV_FILE": os.devnull, **gateway.environment},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout.splitlines()


@contextmanager
def own(api_binary: Path, folder: Path) -> Iterator[Own]:
    with (
        running(api_process(api_binary, folder, **EMBEDDED)) as api,
        running(gateway_process(api.url, folder, **EMBEDDED)) as gateway,
    ):
        deployed = Own(api, gateway)
        asyncio.run(deployed.add_account())
        yield deployed
