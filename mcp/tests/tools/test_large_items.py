"""An item that is too large for a list comes without its payload, and hides no other item."""

import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.harness.clients import Tools, in_memory, note_in_older_api, over_sse, settings_for, text_of, whole
from tests.harness.first_generation import first_generation
from tests.harness.processes import Process, running
from toolbridge_mcp.app import create_server
from toolbridge_mcp.client.reduced import page_of_edges
from toolbridge_mcp.errors import AnswerTooLong

pytestmark = pytest.mark.anyio
MILLION = 1_000_000
CLIENTS_TAKE = 1024 * 1024
"""The official Python client ends its session at an event of more bytes."""


@pytest.fixture(scope="module")
def older_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """An API that knows no `maxBytes`, and takes items of any size."""
    with running(first_generation(tmp_path_factory.mktemp("older"))) as process:
        yield process


@pytest.fixture
async def older(older_api: Process, bearer: str) -> AsyncIterator[Tools]:
    async with in_memory(create_server(settings_for(older_api.url)), bearer) as tools:
        yield tools


async def listed(tools: Tools, name: str = "list_notes", **arguments: Any) -> list[dict[str, Any]]:
    """The items of all pages. Each page must be small enough for a client."""
    items: list[dict[str, Any]] = []
    arguments = {**whole(name), **arguments}
    while True:
        result = await tools.result(name, **arguments)
        assert not result.is_error, text_of(result)
        assert len(result.model_dump_json(by_alias=True)) < CLIENTS_TAKE
        page = result.structured_content or {}
        items += page["items"]
        if "nextCursor" not in page:
            return items
        arguments["cursor"] = page["nextCursor"]


def expect_reduced(item: dict[str, Any], size: int) -> None:
    assert item.keys() == {"uid", "version", "updatedAt", "size", "note"}
    assert size < item["size"] < size + 10_000
    assert "too large for a list" in item["note"]


@pytest.mark.parametrize("arguments", [{}, {"limit": 1}, {"limit": 2}, {"limit": 1000}], ids=str)
async def test_a_large_item_hides_no_other_in_front_of_an_older_api(
    arguments: dict[str, Any], older: Tools, older_api: Process, bearer: str
) -> None:
    first = (await older.call("create_note", title="first", content="c"))["uid"]
    sizes = {
        await note_in_older_api(older_api.url, bearer, size): size for size in (2 * MILLION, 6 * MILLION)
    }
    last = (await older.call("create_note", title="last", content="c"))["uid"]
    items = await listed(older, **arguments)
    assert [item["uid"] for item in items] == [first, *sizes, last]
    assert items[0]["payload"]["title"] == "first"
    assert items[-1]["payload"]["title"] == "last"
    for item in items[1:-1]:
        expect_reduced(item, sizes[item["uid"]])


async def test_a_filter_does_not_lose_an_item_that_cannot_be_read(
    older: Tools, older_api: Process, bearer: str
) -> None:
    await older.call("create_note", title="other", content="c")
    tagged = (await older.call("create_note", title="t", content="c", tags=["a"]))["uid"]
    large = await note_in_older_api(older_api.url, bearer, 6 * MILLION)
    assert [item["uid"] for item in await listed(older, tag="a")] == [tagged, large]
    assert [item["uid"] for item in await listed(older, tag="a", updated_since="9000-01-01")] == []


async def test_a_huge_item_is_not_kept_in_memory(older: Tools, older_api: Process, bearer: str) -> None:
    uid = await note_in_older_api(older_api.url, bearer, 40 * MILLION)
    tracemalloc.start()
    try:
        (item,) = await listed(older, limit=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert item["uid"] == uid
    assert peak < 25 * MILLION


async def test_a_large_item_hides_no_other_in_front_of_our_own_api(gateway: Process, bearer: str) -> None:
    async with over_sse(gateway.url, bearer) as tools:
        uids = []
        for size in (10, 2 * MILLION, 10):
            written = await tools.result("create_note", title="t", content="x" * size)
            uids.append((written.structured_content or {})["uid"])
        for limit in (1, 2, 1000):
            items = await listed(tools, limit=limit)
            assert [item["uid"] for item in items] == uids
            assert "payload" not in items[1]
            assert items[1]["size"] > 2 * MILLION
            assert items[1]["note"]
            assert items[2]["payload"]["title"] == "t"


@pytest.mark.parametrize(
    ("start", "end", "following"),
    [
        ('{"items":[{"uid":"u","version":1,"payload":{"a":"xx', 'xx"}}],"nextCursor":"abc"}\n', "abc"),
        (
            '{"items":[{"uid":"u","version":1,"payload":{"a":"xx',
            'xx"}}],"total":10000,"more":true,"nextCursor":"abc"}',
            "abc",
        ),
        ('{"items":[{"uid":"u","version":1,"payload":{"a":[1,2', '3],"nextCursor":"no"}}]}', None),
        ('{ "items" : [ {"uid":"u","version":1,"payload":{"a":"é', '"}} ] , "nextCursor" : "abc" }', "abc"),
    ],
)
async def test_the_edges_of_a_page_show_its_item(start: str, end: str, following: str | None) -> None:
    first, last = start.encode(), end.encode()
    width = max(len(first), len(last))
    page = page_of_edges(first + b"x" * (width - len(first)) + last.rjust(width, b"x"), 9_000_000).data
    assert page["items"][0]["uid"] == "u"
    assert page["items"][0]["size"] == 9_000_000
    assert page.get("nextCursor") == following


@pytest.mark.parametrize(
    "edges", [b"", b"{", b"[]" * 9, b'{"items":[]}' * 2, b'{"items":[{"payload":{"a":"x' * 2]
)
async def test_edges_that_show_no_item_are_refused(edges: bytes) -> None:
    with pytest.raises(AnswerTooLong):
        page_of_edges(edges * 2, 9_000_000)
