"""What the page tells of calls that really happened."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import over_http, over_sse, token
from tests.harness.processes import TENANT_ID, Process, free_port, gateway_process, running
from tests.operator.conftest import Watched
from tests.operator.raw import PrivatePort
from toolbridge_mcp import __version__
from toolbridge_mcp.logs import hashed
from toolbridge_mcp.operator.page import document
from toolbridge_mcp.telemetry.tallies import BYTES_PER_TOKEN

pytestmark = pytest.mark.anyio

SECRET_TITLE = "title-that-nobody-else-may-read"
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def fresh(api: Process, tmp_path: Path) -> Iterator[Watched]:
    """A gateway that has served nobody yet."""
    port = free_port()
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_METRICS_PORT=str(port))) as gateway:
        yield Watched(gateway, PrivatePort(port))


def named(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}


async def test_a_fresh_start_says_that_nothing_happened_yet(fresh: Watched) -> None:
    facts = fresh.port.get("/?json").json()
    assert facts["state"] == {"is": "fine", "because": [], "says": "Fine."}
    assert (facts["hour"]["calls"], facts["hour"]["tools"], facts["hour"]["slowest"]) == (0, [], [])
    page = fresh.port.get().text
    assert "a new one begins with an empty hour" in page
    assert "Tools of the last hour, the dearest first: none." in page


async def test_calls_are_told_by_tool_caller_client_and_outcome(fresh: Watched, user: str) -> None:
    async with (
        over_http(fresh.gateway.url, token(user)) as tools,
        over_sse(fresh.gateway.url, token("b")) as b,
    ):
        created = await tools.call("create_note", title=SECRET_TITLE, content="many words " * 400)
        await tools.call("get_note", uid=created["uid"])
        await tools.call("get_note", uid=created["uid"])
        await tools.refusal("get_note", uid=created["uid"], nonsense=1)
        await b.refusal("get_note", uid=created["uid"])
    hour = fresh.port.get("/?json").json()["hour"]
    assert (hour["calls"], hour["failed"]) == (5, 2)
    assert [row["tool"] for row in hour["tools"]] == ["get_note", "create_note"]
    read = hour["tools"][0]
    assert (read["calls"], read["failed"]) == (4, 2)
    assert read["result_bytes"] > 2 * 4400
    assert read["result_tokens"] == round(read["result_bytes"] / BYTES_PER_TOKEN)
    assert 0 < read["p50_ms"] <= read["p95_ms"] < 30_000
    callers = named(hour["callers"], "subject")
    assert (callers[user]["calls"], callers[user]["failed"]) == (4, 1)
    assert (callers["b"]["calls"], callers["b"]["failed"]) == (1, 1)
    assert {row["outcome"]: row["tools"] for row in hour["errors"]} == {
        "InvalidArguments": {"get_note": 1},
        "NotFound": {"get_note": 1},
    }
    assert sum(row["calls"] for row in hour["clients"]) == 5


async def test_callers_are_named_as_in_the_log(api: Process, tmp_path: Path, user: str) -> None:
    port = free_port()
    settings = {"TOOLBRIDGE_METRICS_PORT": str(port), "LOG_SUBJECTS": "hashed"}
    with running(gateway_process(api.url, tmp_path, **settings)) as gateway:
        async with over_http(gateway.url, token(user)) as tools:
            await tools.call("list_notes")
        (caller,) = PrivatePort(port).get("/?json").json()["hour"]["callers"]
        assert caller["subject"] == hashed(TENANT_ID, user)
        assert user not in str(caller)
        assert f'"subject": "{caller["subject"]}"' in gateway.log.read_text()


async def test_a_slow_call_is_found_by_its_correlation_id(fresh: Watched, user: str) -> None:
    async with over_http(fresh.gateway.url, token(user)) as tools:
        await tools.call("create_note", title=SECRET_TITLE, content="text")
    (slow,) = fresh.port.get("/?json").json()["hour"]["slowest"]
    assert (slow["tool"], slow["outcome"]) == ("create_note", "ok")
    assert list(slow["stages_ms"]) == ["verify", "admit", "sign", "upstream", "shape"]
    assert sum(slow["stages_ms"].values()) == pytest.approx(slow["ms"], rel=0.1, abs=1)
    assert f'"{slow["correlation_id"]}"' in fresh.gateway.log.read_text()
    assert slow["correlation_id"] in fresh.port.get().text


async def test_the_journal_shows_what_was_done_but_nothing_that_was_said(fresh: Watched, user: str) -> None:
    async with over_http(fresh.gateway.url, token(user)) as tools:
        created = await tools.call("create_note", title=SECRET_TITLE, content=SECRET_TITLE)
    facts = fresh.port.get("/?json")
    line = facts.json()["journal"]["lines"][0]
    assert (line["subject"], line["change"], line["kind"]) == (user, "created", "note")
    assert (line["uid"], line["tool"]) == (created["uid"], "create_note")
    for shown in (facts.text, fresh.port.get().text):
        assert SECRET_TITLE not in shown
        assert token(user) not in shown


async def test_what_callers_made_is_no_markup(fresh: Watched) -> None:
    async with over_http(fresh.gateway.url, token(HOSTILE)) as tools:
        await tools.call("create_note", title=HOSTILE, content=HOSTILE)
    page = fresh.port.get().text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in page
    assert "<script" not in page
    assert HOSTILE in fresh.port.get("/?json").json()["journal"]["lines"][0]["subject"]


async def test_storage_keys_and_versions_of_both_programs_are_told(fresh: Watched) -> None:
    facts = fresh.port.get("/?json").json()
    storage, versions, keys = facts["storage"], facts["versions"], facts["now"]["keys"]
    assert 0 < storage["disk_free_bytes"] < storage["disk_size_bytes"]
    assert storage["database_bytes"] > 0
    assert storage["connections_most"] > 0
    assert 0 <= storage["quota_items_used"] < 0.5  # other tests have items in the same API
    assert 0 <= storage["quota_bytes_used"] < 0.5
    assert (versions["gateway"], versions["processes_replaced"]) == (__version__, 0)
    assert versions["api"]
    assert (keys["gateway"], keys["api"]) == (1, 1)
    limits = named(facts["now"]["limits"], "kind")
    assert (limits["calls"]["held"], limits["calls"]["limit"]) == (0, 500)


def test_what_is_known_of_storage_is_shown_without_the_rest(fresh: Watched) -> None:
    """PostgreSQL tells nothing of its disk, and some servers not how large the database is."""
    facts = fresh.port.get("/?json").json()
    unknown = {"disk_free_bytes": None, "disk_size_bytes": None, "database_bytes": None}
    page = document(facts | {"storage": facts["storage"] | unknown})
    assert "<dt>Disk</dt><dd>unknown</dd><dt>Database</dt><dd>unknown</dd>" in page
    assert f"{facts['storage']['connections_most']} at most" in page
    both = {"quota_items_used": 0.914, "quota_bytes_used": 1.2}
    for quotas, shown in (
        (both, "91% of the items, 120% of the bytes that one user may have"),
        (both | {"quota_bytes_used": None}, "91% of the items that one user may have"),
        (dict.fromkeys(both), "unknown"),
    ):
        page = document(facts | {"storage": facts["storage"] | quotas})
        assert f"<dt>Fullest quota</dt><dd>{shown}</dd>" in page
    page = document(facts | {"storage": dict.fromkeys(facts["storage"])})
    assert "The API gives no metrics to this machine." in page


async def test_doctor_says_what_it_finds(fresh: Watched) -> None:
    fresh.port.get()
    checks = named(fresh.port.get("/?json").json()["doctor"]["findings"], "check")
    assert {check["state"] for check in checks.values()} == {"ok"}
    assert {"API reachable", "gateway ready", "metadata for clients"} <= checks.keys()
    assert not {"tenant signature accepted", "tools over /mcp"} & checks.keys()


async def test_without_the_api_the_page_says_so(tmp_path: Path) -> None:
    port = free_port()
    settings = {"TOOLBRIDGE_METRICS_PORT": str(port), "TOOLBRIDGE_API_WAIT_SECONDS": "0"}
    process = gateway_process(f"http://127.0.0.1:{free_port()}", tmp_path, **settings)
    process.ready_path = "/healthz"
    with running(process):
        facts = PrivatePort(port).get("/?json").json()
        assert facts["state"]["is"] == "refused"
        assert facts["state"]["because"][0] == "the API does not answer"
        assert facts["journal"] == {"lines": [], "problem": "The API did not answer in time."}
        page = PrivatePort(port).get().text
        assert "<title>test-tenant: Calls are refused: the API does not answer" in page
        assert re.search(r'<p class="state refused"', page)


async def test_the_page_needs_neither_script_nor_another_address(fresh: Watched) -> None:
    page = fresh.port.get().text
    assert not re.findall(r"<(?:script|img|iframe|form|object)\b", page)
    assert not re.findall(r"""\s(?:on\w+|style|src)=""", page)
    assert set(re.findall(r'href="([^"#]*)', page)) == {
        "",
        "data:,",
        "/?json",
        "/metrics",
        "/metrics/api",
        "/?refresh=10",
    }
