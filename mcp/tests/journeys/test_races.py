"""Many writers change one item: nothing is lost, and of conditional writes one wins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.harness.clients import several_over_sse, text_of
from tests.harness.deployment import Deployment, OwnStack, Reader
from tests.harness.published import KINDS, Json

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

USER = "racer"
SESSIONS = 5
PATCHES = 40
CONDITIONAL = 20
NOTE = KINDS["note"]

Write = Callable[[str, int], Awaitable[bool]]
"""Makes the write of this number to the note of this uid; returns whether it was made."""


@asynccontextmanager
async def patches_through_tools(deployment: Deployment) -> AsyncIterator[Write]:
    token = deployment.token_of(USER)
    async with several_over_sse(deployment.url, token, SESSIONS) as sessions:

        async def patch(uid: str, number: int) -> bool:
            await sessions[number % SESSIONS].call("patch_note", uid=uid, updates={f"key{number}": number})
            return True

        yield patch


async def test_parallel_patches_keep_all_keys_through_mcp(deployment: Deployment) -> None:
    async with patches_through_tools(deployment) as patch:
        await all_keys_are_kept(deployment, patch)


async def test_parallel_patches_keep_all_keys_through_rest(stack: OwnStack) -> None:
    async with stack.rest(USER) as rest:

        async def patch(uid: str, number: int) -> bool:
            await rest.json("PATCH", f"/v1/notes/{uid}", json={f"key{number}": number})
            return True

        await all_keys_are_kept(stack, patch)


async def test_one_conditional_write_wins_through_mcp(deployment: Deployment) -> None:
    token = deployment.token_of(USER)
    async with several_over_sse(deployment.url, token, SESSIONS) as sessions:

        async def write(uid: str, number: int) -> bool:
            arguments: Json = {"uid": uid, "title": f"writer {number}", "content": "", "if_match": 1}
            result = await sessions[number % SESSIONS].result("update_note", **arguments)
            assert not result.is_error or "has changed since" in text_of(result)
            return not result.is_error

        await one_wins(deployment, write)


async def test_one_conditional_write_wins_through_rest(stack: OwnStack) -> None:
    async with stack.rest(USER) as rest:

        async def write(uid: str, number: int) -> bool:
            body, condition = {"title": f"writer {number}"}, {"If-Match": "1"}
            answer = await rest("PUT", f"/v1/notes/{uid}", json=body, headers=condition)
            assert answer.status_code in {200, 412}
            return answer.is_success

        await one_wins(stack, write)


async def all_keys_are_kept(deployment: Deployment, patch: Write) -> None:
    async with new_note(deployment) as (uid, reader):
        await asyncio.gather(*(patch(uid, number) for number in range(PATCHES)))
        stored = await reader.item(NOTE, uid)
    expected = {f"key{number}": number for number in range(PATCHES)}
    assert {key: value for key, value in stored["payload"].items() if key in expected} == expected
    assert stored["version"] == PATCHES + 1


async def one_wins(deployment: Deployment, write: Write) -> None:
    async with new_note(deployment) as (uid, reader):
        won = await asyncio.gather(*(write(uid, number) for number in range(CONDITIONAL)))
        stored = await reader.item(NOTE, uid)
    assert sum(won) == 1
    assert stored["version"] == 2
    assert stored["payload"]["title"] == f"writer {won.index(True)}"


@asynccontextmanager
async def new_note(deployment: Deployment) -> AsyncIterator[tuple[str, Reader]]:
    """The uid of a note at version 1, which is deleted in the end, and a reader of what is stored."""
    token = deployment.token_of(USER)
    async with several_over_sse(deployment.url, token, 1) as (tools,), deployment.reader(USER) as reader:
        uid = (await tools.call("create_note", title="t", content="c"))["uid"]
        yield uid, reader
        await tools.call("delete_note", uid=uid)
