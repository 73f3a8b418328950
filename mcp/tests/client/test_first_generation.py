"""In front of an API of the first generation: what it lacks, the gateway does; what it says arrives."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import (
    Rest,
    Tools,
    arguments_for,
    in_memory,
    over_http,
    sample,
    settings_for,
    token,
    use_every_tool,
)
from tests.harness.first_generation import first_generation
from tests.harness.processes import TENANT_ID, Process, api_process, gateway_process, running
from tests.harness.recording import Recording, failing_api
from tests.harness.wire import connections
from toolbridge_mcp.app import create_server
from toolbridge_mcp.client import api as api_module
from toolbridge_mcp.client import narrowing
from toolbridge_mcp.client.standing import LOG_SECONDS, Standing
from toolbridge_mcp.entities import NOTE, TASK
from toolbridge_mcp.tools.operations import OPERATIONS, Operation
from toolbridge_mcp.transport import Response

pytestmark = pytest.mark.anyio
CONDITIONAL = [operation for operation in OPERATIONS if operation.conditional]
SESSIONS = "/v1/sync/sessions"
REFUSED = "The API does not accept this gateway: tenant, secret or clock disagree. Nothing was done."


@pytest.fixture(scope="module")
def old_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(first_generation(tmp_path_factory.mktemp("first-generation"))) as process:
        yield process


@pytest.fixture
def wire() -> Recording:
    return Recording(connections())


@pytest.fixture
async def old(old_api: Process, wire: Recording, bearer: str) -> AsyncIterator[Tools]:
    """The tools in front of the first generation."""
    async with in_memory(create_server(settings_for(old_api.url), transport=wire), bearer) as tools:
        yield tools


@asynccontextmanager
async def tools_of(api: Process, bearer: str, **settings: Any) -> AsyncIterator[Tools]:
    async with in_memory(create_server(settings_for(api.url, **settings)), bearer) as tools:
        yield tools


def sessions_by_call(wire: Recording) -> Counter[str]:
    """How many sessions were opened for each tool call."""
    return Counter(
        request.headers["X-Correlation-ID"] for request in wire.calls if request.url.path == SESSIONS
    )


# What the gateway does in its place


async def test_all_tools_work_with_one_session_a_call(old: Tools, wire: Recording) -> None:
    assert await use_every_tool(old) == len(await old.client.list_tools())
    calls = {request.headers["X-Correlation-ID"] for request in wire.calls}
    assert sessions_by_call(wire) == dict.fromkeys(calls, 1)


async def test_a_call_that_reads_before_it_writes_does_both_in_one_session(
    old: Tools, wire: Recording
) -> None:
    uid = (await old.call("create_note", **sample(NOTE)))["uid"]
    before = len(wire.calls)
    await old.call("delete_note", uid=uid, if_match=1)
    opened, read, deleted = wire.calls[before:]
    assert [request.method for request in (opened, read, deleted)] == ["POST", "GET", "DELETE"]
    assert read.headers["X-Sync-Session"] == deleted.headers["X-Sync-Session"]


@pytest.mark.parametrize("operation", CONDITIONAL, ids=lambda operation: operation.verb)
async def test_a_stale_condition_is_refused_and_names_the_present_version(
    operation: Operation, old: Tools
) -> None:
    uid = (await old.call("create_note", **sample(NOTE)))["uid"]
    refusal = await old.refusal(operation.tool_name(NOTE), **arguments_for(operation, NOTE, uid), if_match=9)
    assert "has changed since that version; nothing was written" in refusal
    assert "expected 9, actual 1" in refusal
    assert (await old.call("get_note", uid=uid))["version"] == 1


async def test_a_short_id_is_refused_before_it_is_sent(old: Tools, wire: Recording) -> None:
    short = str(uuid4())[:8]
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("uid", operation.tool_name(NOTE), arguments_for(operation, NOTE, short))
        for operation in OPERATIONS
        if operation.on_item
    ]
    comment = {"parent_type": "note", "parent_uid": short}
    calls += [
        ("parent_uid", "create_comment", {"content": "c", **comment}),
        ("parent_uid", "list_comments", comment),
        ("parent_uid", "patch_comment", {"uid": str(uuid4()), "updates": {"parentUid": short}}),
        ("chat_uid", "list_chat_messages", {"chat_uid": short}),
    ]
    for argument, tool, arguments in calls:
        refusal = await old.refusal(tool, **arguments)
        assert f"{argument} should be a whole UUID, since this API knows no short ids." in refusal
    assert {call.url.path for call in wire.calls} <= {"/v1/sync/info"}


async def test_a_taken_uid_is_refused(old: Tools) -> None:
    uid = (await old.call("create_note", **sample(NOTE)))["uid"]
    again = {"title": "t", "content": "c", "additional_fields": {"uid": uid}}
    assert "already exists" in await old.refusal("create_note", **again)
    await old.call("delete_note", uid=uid)
    assert "already exists" in await old.refusal("create_note", **again)
    again["additional_fields"] = {"uid": str(uuid4())}
    await old.call("create_note", **again)


# Filters


TASKS: list[dict[str, Any]] = [
    {"title": "one", "status": "open", "tags": ["home", "x"]},
    {"title": "two", "status": "open"},
    {"title": "three", "status": "completed", "priority": "high", "tags": ["home"]},
    {"title": "four", "status": "open", "tags": ["home"]},
    {"title": "five", "status": "in_progress", "tags": []},
]


@pytest.mark.parametrize(
    ("tool", "filters"),
    [
        ("list_tasks", {"status": "open"}),
        ("list_tasks", {"tag": "home"}),
        ("list_tasks", {"tag": "home", "status": "open", "order": "desc"}),
        ("list_tasks", {"order": "desc"}),
        ("list_tasks", {"order": "asc"}),
        ("list_tasks", {"order": "desc", "include_deleted": True}),
        ("list_tasks", {"updated_since": "2020-01-01T00:00:00Z"}),
        ("list_tasks", {"updated_since": "2999-01-01T00:00:00Z"}),
        ("list_tasks", {"tag": "nobody has it"}),
        ("list_tasks", {"priority": "high"}),
        ("list_chat_messages", {"read": False}),
        ("list_chats", {"archived": True}),
        ("list_chats", {"archived": False}),
        ("list_comments", {"parent_type": "task", "parent_uid": "PARENT"}),
        ("list_comments", {"parent_uid": "PARENT", "tag": "home"}),
        ("list_chat_messages", {"chat_uid": "CHAT", "order": "desc"}),
    ],
    ids=str,
)
async def test_a_filtered_list_holds_what_our_own_api_lists(
    tool: str, filters: dict[str, Any], old: Tools, api: Process, bearer: str
) -> None:
    async with tools_of(api, bearer) as ours:
        shown = [await _listed(tools, tool, filters) for tools in (old, ours)]
    assert shown[0] == shown[1]


async def _listed(tools: Tools, tool: str, filters: dict[str, Any]) -> list[str]:
    """Fills an account, and returns the titles or contents in pages of two."""
    tasks = [await tools.call("create_task", **task) for task in TASKS]
    await tools.call("delete_task", uid=tasks[1]["uid"])
    chats = [await tools.call("create_chat", title=title) for title in ("a", "b")]
    await tools.call("archive_chat", uid=chats[0]["uid"])
    parent, chat = tasks[0]["uid"], chats[1]["uid"]
    for number, uid in enumerate((parent, tasks[2]["uid"], parent)):
        await tools.call(
            "create_comment", content=str(number), parent_type="task", parent_uid=uid, tags=["home"]
        )
        await tools.call("create_chat_message", content=str(number), chat_uid=chat)
    names = {"PARENT": parent.upper(), "CHAT": chat}
    given = {name: names.get(value, value) for name, value in filters.items()}
    pages = await tools.pages(tool, **given, limit=2)
    assert all(len(page) <= 2 for page in pages)
    return [item["payload"].get("title") or item["payload"]["content"] for page in pages for item in page]


async def test_a_sparse_filter_reads_on_and_gives_up_its_page_before_the_apis_patience(
    old: Tools, wire: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowing, "PAGE_ITEMS", 2)
    monkeypatch.setattr(narrowing, "MAX_REQUESTS", 3)
    for number in range(11):
        await old.call("create_note", title=str(number), content="c", tags=["last"] if number == 10 else [])
    before = len(wire.calls)
    page = await old.call("list_notes", tag="last")
    assert page["items"] == []
    assert len(wire.calls) - before == 4, "a session and three pages"
    pages = await old.pages("list_notes", tag="last")
    assert [item["payload"]["title"] for page in pages for item in page] == ["10"]


async def test_a_list_that_is_too_long_to_sort_says_so(old: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "PAGE_ITEMS", 2)
    monkeypatch.setattr(narrowing, "MAX_SORTED", 2)
    for number in range(5):
        await old.call("create_note", title=str(number), content="c")
    text = await old.refusal("list_notes", order="desc")
    assert text.startswith("This API lists the oldest notes first, and the user has more than 2 to read")


async def test_large_items_are_spread_over_pages(old: Tools) -> None:
    for number in range(5):
        await old.call("create_note", title=str(number), content="x" * 100_000, tags=["large"])
    for filters in ({"tag": "large"}, {"order": "desc"}, {}):
        pages = await old.pages("list_notes", **filters)
        titles = [item["payload"]["title"] for page in pages for item in page]
        assert sorted(titles) == ["0", "1", "2", "3", "4"]
        assert max(len(json.dumps(page)) for page in pages) < 300_000


async def test_a_cursor_of_another_list_is_refused(old: Tools) -> None:
    assert "cursor is none of this list" in await old.refusal("list_notes", order="desc", cursor="nonsense")


# What it says


async def test_a_missing_parent_is_told_as_that(old: Tools) -> None:
    nobody = str(uuid4())
    note = (await old.call("create_note", **sample(NOTE)))["uid"]
    comment = {"content": "c", "parent_type": "note", "parent_uid": note}
    uid = (await old.call("create_comment", **comment))["uid"]
    chat = (await old.call("create_chat", title="t"))["uid"]
    message = (await old.call("create_chat_message", content="c", chat_uid=chat))["uid"]
    missing = [
        await old.refusal("create_comment", **{**comment, "parent_uid": nobody}),
        await old.refusal("create_comment", **{**comment, "parent_type": "task"}),
        await old.refusal("update_comment", uid=uid, **{**comment, "parent_uid": nobody}),
        await old.refusal("patch_comment", uid=uid, updates={"parent_uid": nobody}),
        await old.refusal("create_chat_message", content="c", chat_uid=nobody),
    ]
    await old.call("delete_note", uid=note)
    await old.call("delete_chat", uid=chat)
    missing += [
        await old.refusal("archive_comment", uid=uid),
        await old.refusal("process_comment", uid=uid, action="resolve"),
        await old.refusal("patch_chat_message", uid=message, updates={"content": "d"}),
        await old.refusal("update_chat_message", uid=message, content="d"),
    ]
    for text in missing:
        assert "shall belong to does not exist; nothing was written" in text
        assert "failed" not in text


async def test_a_character_that_it_cannot_store_is_told_as_that(old: Tools) -> None:
    text = await old.refusal("create_note", title="a\0b", content="c")
    assert "did not accept the request; nothing was changed" in text
    assert "U+0000" in text


async def test_a_failure_that_has_no_such_cause_stays_a_failure() -> None:
    session = httpx.Response(201, json={"id": "s-1", "epoch": 1})
    failed = httpx.Response(500, json={"error": "failed to create note", "correlation_id": "c-1"})
    upstream = failing_api([session, failed], {"entities": {}})
    async with in_memory(create_server(settings_for("http://127.0.0.1:1"), transport=upstream), "t") as tools:
        text = await tools.refusal("create_note", title="t", content="c")
    assert text.startswith("The API failed while working on the call.")


async def test_what_that_api_said_of_a_state_can_be_sent_back(
    old_api: Process, old: Tools, user: str
) -> None:
    rest = Rest(old_api.url, token(user))
    session = await rest.json("POST", SESSIONS)
    headers = {"X-Sync-Session": session["id"], "X-Sync-Epoch": "1"}
    for state in ("todo", "done"):
        body = {"title": "from another client", "status": state}
        uid = (await rest.json("POST", "/v1/tasks", json=body, headers=headers))["uid"]
        status = (await old.call("get_task", uid=uid))["payload"]["status"]
        await old.call("update_task", uid=uid, title="t", status=status)
        await old.call("patch_task", uid=uid, updates={"status": status})
        copy = await old.call("create_task", title="copy", status=status)
        assert copy["payload"]["status"] == state
        listed = await old.call("list_tasks", status=status)
        assert {item["uid"] for item in listed["items"]} == {uid, copy["uid"]}
    await rest.aclose()
    schema = next(tool for tool in await old.client.list_tools() if tool.name == "create_task").input_schema
    assert schema["properties"]["status"]["enum"] == list(TASK.states()), "only the present words are offered"


# Tenant, secret and clock


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"TENANT_HEADER_SECRET": "another-secret-of-at-least-thirty-two-bytes"}, {}),
        ({"CLOCK_SECONDS": "600"}, {}),
        ({"CLOCK_SECONDS": "-600"}, {}),
        ({"NEWEST": "yes"}, {"TENANT_ID": "another-tenant"}),
    ],
    ids=["secret", "clock behind", "clock ahead", "tenant"],
)
async def test_a_gateway_that_is_not_accepted_is_told_as_that(
    theirs: dict[str, str],
    ours: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bearer = token("ann", exp=4_000_000_000)
    with running(first_generation(tmp_path, **theirs)) as api:
        async with tools_of(api, bearer, **ours) as tools:
            texts = [
                await tools.refusal("list_notes"),
                await tools.refusal("create_note", title="t", content="c"),
            ]
            for text in texts:
                assert text.startswith(REFUSED)
                assert "Only the operator can fix this" in text
    (line,) = [line for line in caplog.records if "does not accept this gateway" in line.getMessage()]
    apart = vars(line)["clock_difference_seconds"]
    assert abs(apart + int(theirs.get("CLOCK_SECONDS", "0"))) <= 2


def readiness(gateway: Process) -> tuple[int, list[str]]:
    answer = httpx.get(f"{gateway.url}/readyz", trust_env=False, timeout=30)
    return answer.status_code, answer.json().get("problems", [])


async def test_readiness_says_that_the_gateway_is_not_accepted(tmp_path: Path) -> None:
    other = "another-secret-of-at-least-thirty-two-bytes"
    with (
        running(first_generation(tmp_path)) as api,
        running(gateway_process(api.url, tmp_path, TENANT_HEADER_SECRET=other)) as gateway,
    ):
        assert readiness(gateway)[0] == 200, "only a call can show it"
        async with over_http(gateway.url, token("ann")) as tools:
            assert (await tools.refusal("list_notes")).startswith(REFUSED)
        while (found := readiness(gateway))[0] == 200:
            await asyncio.sleep(0.1)  # it keeps its answer for a second
        assert found == (
            503,
            ["The API does not accept this gateway: tenant, secret or clock disagree."],
        )
        assert "the API does not accept this gateway" in gateway.log.read_text()


async def test_readiness_says_that_the_clocks_are_apart(tmp_path: Path) -> None:
    with running(first_generation(tmp_path, CLOCK_SECONDS="600")) as api:
        gateway = gateway_process(api.url, tmp_path, TOOLBRIDGE_API_WAIT_SECONDS="0")
        gateway.ready_path = "/healthz"
        with running(gateway):
            status, (problem,) = readiness(gateway)
    assert status == 503
    assert problem.startswith("The clocks of gateway and API are ")
    assert problem.endswith(" s apart, so the API refuses calls.")


async def test_a_token_that_is_not_accepted_is_the_users_matter(old_api: Process) -> None:
    wrong = token("ann", secret="another-secret-of-at-least-thirty-two-bytes")
    async with tools_of(old_api, wrong) as tools:
        assert "did not accept the user's sign-in" in await tools.refusal("list_notes")


async def test_the_newest_version_serves_every_tool(tmp_path: Path, bearer: str) -> None:
    settings = {"NEWEST": "yes", "TENANT_ID": TENANT_ID}
    with running(first_generation(tmp_path, **settings)) as api:
        async with tools_of(api, bearer) as tools:
            assert await use_every_tool(tools) == len(await tools.client.list_tools())


def test_the_operator_reads_of_a_refusal_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    monkeypatch.setattr("toolbridge_mcp.client.standing.time.monotonic", lambda: now[0])
    standing = Standing(lambda: 300)
    assert standing.problems() == []
    for _ in range(5):
        standing.refused(Response(401, (), b""))
    assert len(caplog.records) == 1
    assert standing.problems() == ["The API does not accept this gateway: tenant, secret or clock disagree."]
    now[0] += LOG_SECONDS
    assert standing.problems() == []
    standing.refused(Response(403, (), b""))
    assert len(caplog.records) == 2
    assert standing.problems() == [], "one user who is not a member says nothing about the others"


# Limited sessions


async def test_calls_wait_for_their_turn_where_sessions_are_limited(tmp_path: Path, bearer: str) -> None:
    with running(first_generation(tmp_path, SESSIONS_PER_SECOND="5", SESSION_BURST="3")) as api:
        wire = Recording(connections())
        server = create_server(settings_for(api.url), transport=wire)
        async with in_memory(server, bearer) as tools:
            note = await tools.call("create_note", title="t", content="c")
            changes = [
                tools.call("archive_note", uid=note["uid"], if_match=1),
                *(tools.call("list_notes", tag=str(number)) for number in range(10)),
            ]
            await asyncio.gather(*changes)
    accepted = Counter(
        request.headers["X-Correlation-ID"]
        for request in wire.calls
        if request.url.path != SESSIONS and "X-Sync-Session" in request.headers
    )
    assert len(accepted) == 12


async def test_a_call_whose_turn_comes_too_late_is_told_when_to_come_back(
    tmp_path: Path, bearer: str
) -> None:
    with running(first_generation(tmp_path, SESSIONS_PER_SECOND="1", SESSION_BURST="2")) as api:
        async with tools_of(api, bearer, call_seconds=3) as tools:
            results = await asyncio.gather(*(tools.result("list_notes") for _ in range(20)))
    refused = [str(result.content[0]) for result in results if result.is_error]
    assert 2 <= len(results) - len(refused) <= 6
    assert all("made too many calls. Wait " in text for text in refused)
    assert not any("Wait 0 " in text for text in refused)


async def test_one_users_limit_is_not_anothers(tmp_path: Path) -> None:
    with (
        running(first_generation(tmp_path, SESSIONS_PER_SECOND="0.1", SESSION_BURST="1")) as api,
        running(gateway_process(api.url, tmp_path, TOOLBRIDGE_CALL_SECONDS="2")) as gateway,
    ):
        async with over_http(gateway.url, token("ann")) as tools:
            await tools.call("list_notes")
            assert "too many calls" in await tools.refusal("list_notes")
        async with over_http(gateway.url, token("ben")) as tools:
            await tools.call("list_notes")


# Another API at the same address


@asynccontextmanager
async def gateway_on(port: int, bearer: str) -> AsyncIterator[Tools]:
    """It signs so that both take it: one that has met an API of v2 does not go back by itself."""
    settings = settings_for(f"http://127.0.0.1:{port}", signature="v1")
    async with in_memory(create_server(settings), bearer) as tools:
        yield tools


def moved_to(process: Process, port: int) -> Process:
    process.environment = {**process.environment, "PORT": str(port), "HTTP_ADDR": f"127.0.0.1:{port}"}
    process.port = port
    return process


async def modes_seen(tools: Tools, process: Process) -> bool:
    """Whether a call works, and lets the API do what only it can do well: sort."""
    process.start()
    try:
        while (result := await tools.result("list_notes", order="desc", view="full")).is_error:
            await asyncio.sleep(0.05)  # until the gateway has seen that there is an API again
        return bool(result.structured_content == {"items": []})
    finally:
        process.stop()


@pytest.mark.parametrize("in_band", ["true", "false"])
async def test_an_exchange_of_the_api_is_noticed_by_the_next_calls(
    in_band: str, api_binary: Path, tmp_path: Path, bearer: str
) -> None:
    """The gateway goes from one to the other and back, with a call while nothing is there."""
    old = first_generation(tmp_path)
    ours = moved_to(api_process(api_binary, tmp_path, IN_BAND_SESSIONS=in_band), old.port)
    async with gateway_on(old.port, bearer) as tools:
        for process in (old, ours, old):
            assert await modes_seen(tools, process)
            assert "not available" in await tools.refusal("list_notes")


@pytest.mark.parametrize("in_band", ["true", "false"])
async def test_a_condition_holds_when_the_api_was_exchanged_without_a_trace(
    in_band: str,
    api_binary: Path,
    tmp_path: Path,
    bearer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session of its own for each call and the age of what is known: either is enough."""
    old = first_generation(tmp_path)
    ours = moved_to(api_process(api_binary, tmp_path, IN_BAND_SESSIONS=in_band), old.port)
    async with gateway_on(old.port, bearer) as tools:
        with running(ours):
            await tools.call("list_notes")
        monkeypatch.setattr(api_module, "REMEMBERED_SECONDS", 0)
        with running(old):
            uid = (await tools.call("create_note", title="t", content="c"))["uid"]
            assert "expected 9, actual 1" in await tools.refusal("delete_note", uid=uid, if_match=9)
