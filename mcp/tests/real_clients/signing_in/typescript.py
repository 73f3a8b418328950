"""The official TypeScript SDKs: `@modelcontextprotocol/sdk` 1.x and `@modelcontextprotocol/client` 2.x."""

import json
from pathlib import Path

from tests.harness.published import Json
from tests.real_clients.signing_in.place import CALLS, Place, Seen

PROGRAM = Path(__file__).with_name("signs-in.mjs")


async def typescript(sdk: str, place: Place) -> Seen:
    answer = await answer_of(sdk, place)
    return Seen(answer["tools"], answer["results"])


async def answer_of(sdk: str, place: Place, **more: str) -> Json:
    """What the program prints."""
    printed = await place.success(
        [str(place.programs.node), str(PROGRAM)],
        folder=place.programs.packages,
        SDK=sdk,
        TRANSPORT=place.transport,
        URL=place.url,
        STATE=str(place.home / f"sdk-{sdk}.json"),
        CALLS=json.dumps(CALLS),
        **more,
    )
    answer: Json = json.loads(printed)
    return answer
