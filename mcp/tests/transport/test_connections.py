"""The real engine against connections that are refused or break: no write is sent twice by accident, and a
model learns what may have happened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.harness.clients import Tools, arguments_for, in_memory, settings_for, token
from tests.harness.misbehaving import close, misbehaving, received
from tests.harness.processes import api_process, free_port, running
from tests.harness.recording import INFO
from toolbridge_mcp.app import create_server
from toolbridge_mcp.entities import NOTE
from toolbridge_mcp.resilience.retries import MAX_ATTEMPTS
from toolbridge_mcp.tools.operations import OPERATIONS

pytestmark = pytest.mark.anyio
UID = str(uuid4())
WRITES = {
    operation.tool_name(NOTE): arguments_for(operation, NOTE, UID)
    for operation in OPERATIONS
    if operation.writes
}


@asynccontextmanager
async def tools_on(url: str) -> AsyncIterator[Tools]:
    server = create_server(settings_for(url))
    async with in_memory(server, token("ann")) as tools:
        yield tools


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_whose_answer_is_lost_was_sent_once_and_is_reported_as_open(name: str) -> None:
    async with misbehaving(close) as api, tools_on(api.url) as tools:
        refusal = await tools.refusal(name, **WRITES[name])
    assert "may or may not have been made" in refusal
    assert len(api.requests) == 1


@pytest.mark.parametrize("name", WRITES)
async def test_where_the_api_knows_idempotency_keys_a_lost_write_is_repeated_under_the_same(
    name: str,
) -> None:
    info = {**INFO, "idempotency": {"header": "Idempotency-Key"}}
    async with misbehaving(close, info=info) as api, tools_on(api.url) as tools:
        refusal = await tools.refusal(name, **WRITES[name])
    assert len(api.requests) == MAX_ATTEMPTS
    (key,) = {received(head)["Idempotency-Key"] for head in api.requests}
    assert key
    assert "may or may not have been made" in refusal


async def test_a_read_whose_answer_is_lost_is_sent_again() -> None:
    async with misbehaving(close) as api, tools_on(api.url) as tools:
        refusal = await tools.refusal("get_note", uid=UID)
    assert "not available" in refusal
    assert len(api.requests) == MAX_ATTEMPTS


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_to_an_api_that_has_gone_was_not_done(
    name: str, api_binary: Path, tmp_path: Path
) -> None:
    process = api_process(api_binary, tmp_path)
    with running(process):
        async with tools_on(process.url) as tools:
            await tools.call("list_notes")
            process.kill()
            refusal = await tools.refusal(name, **WRITES[name])
    assert "not available at the moment; nothing was done" in refusal


async def test_without_any_api_nothing_was_done() -> None:
    async with tools_on(f"http://127.0.0.1:{free_port()}") as tools:
        refusal = await tools.refusal("create_note", title="t", content="c")
    assert "nothing was done" in refusal
