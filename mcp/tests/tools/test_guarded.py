"""What a call leaves behind."""

import gc

import pytest

from tests.harness.clients import Tools
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.tools.guarded import CallFailed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("arguments", [{"uid": "00000000-0000-7000-8000-000000000000"}, {"uid": "x"}])
async def test_a_failed_call_leaves_no_cycle_that_keeps_its_arguments(
    arguments: dict[str, str], tools: Tools
) -> None:
    await tools.refusal("get_note", **arguments)
    gc.collect()
    gc.disable()
    try:
        await tools.refusal("get_note", **arguments)
        kept = [kept for kept in gc.get_objects() if isinstance(kept, ToolBridgeError | CallFailed)]
    finally:
        gc.enable()
    assert not kept
