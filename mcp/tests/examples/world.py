"""The running programs, and the items of one user on whom examples can be tried."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp.types import CallToolResult, Implementation
from mcp.types import Tool as WireTool
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from tests.examples.fixed import Fixed, fixed_uid, today
from tests.examples.values import ITEMS, Values
from tests.harness.clients import CALL_SECONDS, Rest, required_fields, text_of, token
from tests.harness.processes import REPOSITORY, Process, api_process, gateway_process, running
from toolbridge_mcp.entities import ENTITIES, Entity

CLIENT = Implementation(name="claude-code", version="2.1")
APART_SECONDS = 0.01
"""Between two items, so that none has the time of another one."""


@dataclass(frozen=True)
class Answer:
    """What a tool answered."""

    tool: str
    arguments: Values
    text: str
    structured: bool
    """Whether the answer was there as structure too."""

    failed: bool


@dataclass
class World:
    """One user with two items of each kind, and the gateway as the user's client sees it."""

    client: "Client[Any]"
    rest: Rest
    fixed: Fixed
    items: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The uids of the two items of each kind."""

    async def fill(self, entities: Iterable[Entity]) -> None:
        for entity in sorted(entities, key=lambda entity: entity.parent is not None):
            self.items[entity.kind] = (await self._item(entity, 0), await self._item(entity, 1))

    async def _item(self, entity: Entity, number: int) -> str:
        values = dict(ITEMS[entity.kind][number] if entity.kind in ITEMS else required_fields(entity))
        uid = values.pop("uid", fixed_uid(f"{entity.kind} {number}"))
        given = {to_camel(name): value for name, value in {**self.parent(entity), **values}.items()}
        payload = from_json(self.fixed.to_run(to_json({"uid": uid, **given}).decode()))
        await asyncio.sleep(APART_SECONDS)
        return str((await self.rest.create(entity, payload))["uid"])

    def parent(self, entity: Entity) -> Mapping[str, str]:
        """Arguments that name the parent of every item of the entity."""
        if entity.parent is None:
            return {}
        kind = entity.parent.kinds[0]
        typed = {entity.parent.type: kind} if entity.parent.type else {}
        return {**typed, entity.parent.uid: self.items[kind][0]}

    async def tools(self) -> list[WireTool]:
        return await self.client.list_tools()

    async def call(self, tool: str, arguments: Values) -> Answer:
        await asyncio.sleep(APART_SECONDS)
        sent = from_json(self.fixed.to_run(to_json(arguments).decode()))
        result: CallToolResult = await self.client.call_tool_mcp(tool, sent)
        structured = result.structured_content is not None
        return Answer(tool, arguments, text_of(result), structured, bool(result.is_error))

    async def shown(self, answers: list[Answer]) -> list[Answer]:
        """The answers as they would be on the fixed day, with fixed ids."""
        found = await self.rest.json("GET", "/v1/changes?limit=500")
        kept = [uid for uids in self.items.values() for uid in uids]
        made = dict.fromkeys(change["uid"] for change in found["changes"] if change["uid"] not in kept)
        fixed = Fixed(today(), made, kept)
        return [
            Answer(each.tool, each.arguments, fixed.of_run(each.text), each.structured, each.failed)
            for each in answers
        ]


@contextmanager
def programs() -> Iterator[tuple[Process, Process]]:
    """The API on a fresh SQLite file, and the gateway in front of it."""
    with (
        tempfile.TemporaryDirectory() as name,
        running(api_process(_api_binary(Path(name)), Path(name))) as api,
        running(gateway_process(api.url, Path(name))) as gateway,
    ):
        yield api, gateway


def _api_binary(folder: Path) -> Path:
    """The one that was built for the tests, else one that is built now."""
    given = os.environ.get("TOOLBRIDGE_API_BINARY")
    if given:
        return Path(given).absolute()
    binary = folder / "toolbridge-api"
    build = ["go", "build", "-o", str(binary), "./cmd/toolbridge-api"]
    subprocess.run(build, cwd=REPOSITORY / "api", check=True)
    return binary


@asynccontextmanager
async def world(
    api: Process, gateway: Process, user: str, toolsets: str, entities: Iterable[Entity] = ENTITIES
) -> AsyncIterator[World]:
    """A fresh user with items of these entities, whose client chooses these toolsets."""
    bearer = token(user)
    rest = Rest(api.url, bearer)
    transport = StreamableHttpTransport(
        f"{gateway.url}/mcp?toolsets={toolsets}", headers={"Authorization": f"Bearer {bearer}"}
    )
    try:
        async with Client(transport, timeout=CALL_SECONDS, client_info=CLIENT) as client:
            filled = World(client, rest, Fixed(today()))
            await filled.fill(entities)
            yield filled
    finally:
        await rest.aclose()
