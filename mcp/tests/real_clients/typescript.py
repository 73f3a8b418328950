"""The official TypeScript SDKs: `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/client` 2.x."""

import json
from pathlib import Path

from tests.harness.published import Json
from tests.real_clients.programs import Programs
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof

FOLDER = Path(__file__).parent


async def typescript(sdk: str, programs: Programs, way: Way) -> None:
    note = json.dumps({"title": TITLE, "content": CONTENT})
    answer = await run("typescript.mjs", sdk, programs, way, NOTE=note)
    expect_proof(answer["tools"], answer["created"], answer["got"])
    assert answer["revision"] == way.revision or not way.revision


async def run(program: str, sdk: str, programs: Programs, way: Way, **more: str) -> Json:
    """What a program of this folder prints."""
    printed = await programs.success(
        [str(programs.node), str(FOLDER / program)],
        folder=programs.packages,
        SDK=sdk,
        TRANSPORT=way.transport,
        URL=way.url,
        TOKEN=way.token,
        REVISION=way.revision,
        IDLE_SECONDS=str(way.idle_seconds),
        **more,
    )
    answer: Json = json.loads(printed)
    return answer
