"""The cost of a call in requests to the API. `scripts/bench.sh gateway` measures processor time."""

import pytest

from tests.harness.clients import over_sse
from tests.harness.deployment import OwnStack

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

CALLS = 20


async def test_a_call_is_one_request_to_the_api(stack: OwnStack) -> None:
    async with over_sse(stack.url, stack.token_of("counted")) as tools:
        note = await tools.call("create_note", title="t", content="c")
        log = await stack.access_log()
        for _ in range(CALLS):
            await tools.call("get_note", uid=note["uid"])
        assert await log.routes() == ["/v1/notes/{uid}"] * CALLS
