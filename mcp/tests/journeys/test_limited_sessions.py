"""In front of an API that lets a user open one session a second, every call says what became of it."""

import asyncio
from pathlib import Path

import pytest

from tests.harness.clients import over_http, text_of, token
from tests.harness.first_generation import first_generation, requests_of
from tests.harness.processes import gateway_process, running

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

CALLS = 20
SECONDS = 8


async def test_twenty_calls_at_once_are_served_in_turn_or_told_when_to_come_back(tmp_path: Path) -> None:
    with (
        running(first_generation(tmp_path, SESSIONS_PER_SECOND="1", SESSION_BURST="2")) as api,
        running(gateway_process(api.url, tmp_path, TOOLBRIDGE_CALL_SECONDS=str(SECONDS))) as gateway,
    ):
        async with over_http(gateway.url, token("ann")) as tools:
            note = (await tools.call("create_note", title="t", content="c"))["uid"]
            calls = [tools.result("archive_note", uid=note, if_match=1)]  # reads before it writes
            calls += [tools.result("list_notes", tag=str(number)) for number in range(CALLS - 1)]
            results = await asyncio.gather(*calls)
        sessions = [entry for entry in requests_of(api.log) if entry[1] == "/v1/sync/sessions"]
    refused = [text_of(result) for result in results if result.is_error]
    served = CALLS - len(refused)
    assert served >= SECONDS // 2
    assert all("made too many calls. Wait " in text for text in refused)
    opened = [correlation for _, _, status, correlation in sessions if status == 201]
    assert len(opened) == len(set(opened)) == served + 1, "one session for each call that was served"
    assert len(sessions) - len(opened) <= CALLS + served + 2, "waiting calls do not ask again and again"
