"""A user at the quota is told so, and can make room."""

from pathlib import Path

import pytest

from tests.harness.clients import in_memory, settings_for, token
from tests.harness.processes import api_process, running
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio


async def test_a_user_with_enough_is_told_what_to_do(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path, QUOTA_ITEMS="2", QUOTA_BYTES="2000")) as api:
        async with in_memory(create_server(settings_for(api.url)), token("ann")) as tools:
            first = await tools.call("create_note", title="one", content="")
            await tools.call("create_task", title="two")
            refusal = await tools.refusal("create_chat", title="three")
            assert "The user has as much as one user may have; nothing was written." in refusal
            assert (
                "you have 2 items, and one user may have 2; delete items that you no longer need" in refusal
            )
            refusal = await tools.refusal("patch_note", uid=first["uid"], updates={"content": "x" * 2000})
            assert "one user may have 2000" in refusal
            assert (await tools.call("patch_note", uid=first["uid"], updates={"title": "1"}))["version"] == 2
            await tools.call("delete_note", uid=first["uid"])
            await tools.call("create_chat", title="three")
        async with in_memory(create_server(settings_for(api.url)), token("bob")) as tools:
            await tools.call("create_note", title="of another user", content="")
