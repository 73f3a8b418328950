"""What a call leaves behind."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.clients import Tools
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.tools.guarded import CallFailed

pytestmark = pytest.mark.anyio


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def kept(*kinds: type) -> set[int]:
    """The ids of the objects of these kinds."""
    return {id(found) for found in gc.get_objects() if isinstance(found, kinds)}


@pytest.mark.parametrize("arguments", [{"uid": "00000000-0000-7000-8000-000000000000"}, {"uid": "x"}])
async def test_a_failed_call_leaves_no_cycle_that_keeps_its_arguments(
    arguments: dict[str, str], tools: Tools
) -> None:
    await tools.refusal("get_note", **arguments)
    with no_collection():
        before = kept(ToolBridgeError, CallFailed)
        await tools.refusal("get_note", **arguments)
        assert kept(ToolBridgeError, CallFailed) <= before


async def test_a_call_leaves_no_cycle_that_keeps_its_answer(tools: Tools) -> None:
    await tools.call("list_notes")
    with no_collection():
        before = kept(httpx.Response)
        await tools.call("create_note", title="t", content="c")
        assert kept(httpx.Response) <= before
