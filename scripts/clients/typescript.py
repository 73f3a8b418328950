"""The official TypeScript SDKs: `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/client` 2.x."""

import json
from pathlib import Path

from clients.programs import Programs
from clients.proof import CONTENT, TITLE, Way, json_of, proven

PROGRAM = Path(__file__).with_name("typescript.mjs")


async def typescript(programs: Programs, sdk: str, way: Way) -> str:
    answer = json_of(
        await programs.success(
            [str(programs.node), str(PROGRAM)],
            folder=programs.clients,
            SDK=sdk,
            TRANSPORT=way.transport,
            URL=way.url,
            TOKEN=way.token,
            REVISION=way.revision,
            IDLE_SECONDS=str(way.idle_seconds),
            NOTE=json.dumps({"title": TITLE, "content": CONTENT}),
        )
    )
    return proven(answer["revision"], answer["tools"], answer["created"], answer["got"])
