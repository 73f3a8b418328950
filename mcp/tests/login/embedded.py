"""A gateway and an API with accounts of their own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.processes import Process, api_process, gateway_process, running
from tests.login.people import People, people

EMBEDDED = {"TOOLBRIDGE_LOGIN": "embedded"}


@dataclass(frozen=True)
class Embedded:
    api: Process
    gateway: Process

    @property
    def issuer(self) -> str:
        return self.gateway.environment.get("TOOLBRIDGE_PUBLIC_URL", self.gateway.url)

    @asynccontextmanager
    async def people(self) -> AsyncIterator[People]:
        async with people(self.api.url, self.issuer) as found:
            yield found


@contextmanager
def embedded(api_binary: Path, folder: Path, **settings: str) -> Iterator[Embedded]:
    given = {**EMBEDDED, **settings}
    api = api_process(api_binary, folder, **given)
    gateway = gateway_process(api.url, folder, **given)
    with running(api), running(gateway):
        yield Embedded(api, gateway)
