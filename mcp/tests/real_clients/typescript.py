"""The official TypeScript SDKs: `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/client` 2.x."""

import json
from pathlib import Path

from tests.real_clients.programs import Programs
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof

PROGRAM = Path(__file__).with_name("typescript.mjs")


async def typescript(sdk: str, programs: Programs, way: Way) -> None:
    answer = json.loads(
        await programs.success(
            [str(programs.node), str(PROGRAM)],
            folder=programs.packages,
            SDK=sdk,
            TRANSPORT=way.transport,
            URL=way.url,
            TOKEN=way.token,
            REVISION=way.revision,
            IDLE_SECONDS=str(way.idle_seconds),
            NOTE=json.dumps({"title": TITLE, "content": CONTENT}),
        )
    )
    expect_proof(answer["tools"], answer["created"], answer["got"])
    assert answer["revision"] == way.revision or not way.revision
