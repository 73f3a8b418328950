"""The documents with examples, as a run of the programs makes them."""

from pathlib import Path

from tests.examples import agents_page, tools_page
from tests.examples.calls import all_tools
from tests.examples.fixed import today
from tests.examples.values import ITEMS
from tests.examples.world import programs, world
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.tools.toolsets import CRUD, TOOLSETS, WORK

USERS = ("ann", "ben", "cem")
"""Each toolset has a user of its own, so that its examples do not depend on the others."""


async def written() -> dict[Path, str]:
    """The texts of the files, from a run that begins and ends on the same day."""
    while True:
        day = today()
        texts = await _written()
        if day == today():
            return texts


async def _written() -> dict[Path, str]:
    page = agents_page.FILE.read_text()
    examples = {}
    with programs() as (api, gateway):
        for toolset, user in zip(TOOLSETS, USERS, strict=True):
            async with world(api, gateway, f"{user}@example.com", toolset) as own:
                examples[toolset] = await all_tools(own, toolset)
        named = [entity for entity in ENTITIES if entity.kind in ITEMS]
        async with world(api, gateway, "dee@example.com", f"{WORK},{CRUD}", named) as own:
            answers = await agents_page.answers(own, page)
    return {
        tools_page.FILE: tools_page.render(examples),
        agents_page.FILE: agents_page.filled(page, answers),
    }
