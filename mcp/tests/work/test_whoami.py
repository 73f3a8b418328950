"""`whoami`: on whose behalf a caller works, and within which limits."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness.clients import Tools, over_http, over_sse, token
from tests.harness.processes import (
    TENANT_HEADER_SECRET,
    TENANT_ID,
    Process,
    api_process,
    gateway_process,
    running,
)
from tests.harness.recording import Recording
from tests.harness.tokens import count
from toolbridge_mcp.resilience import RateLimit

pytestmark = pytest.mark.anyio


def lines_of(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines())


@pytest.fixture(scope="module")
def small(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway with small limits."""
    folder = tmp_path_factory.mktemp("small")
    with (
        running(api_process(api_binary, folder, QUOTA_ITEMS="5", QUOTA_BYTES="1000000")) as api,
        running(gateway_process(api.url, folder, TOOLBRIDGE_RATE_LIMIT="60:20")) as gateway,
    ):
        yield gateway


async def test_it_says_who_calls_for_whom_and_with_what(gateway: Process, user: str) -> None:
    for connect in (over_sse, over_http):
        async with connect(gateway.url, token(user, iss="https://id.example/", scope="read write")) as tools:
            text = await tools.text("whoami")
        said = lines_of(text)
        assert said["user"] == f"{user}, signed in at https://id.example/"
        assert said["tenant"] == TENANT_ID
        assert said["scopes"] == "read, write"
        assert re.fullmatch(r"\S+/\S+", said["client"])
        assert said["toolsets"] == "work, crud; chatgpt with ?toolsets= in the server's address"
        assert f"{datetime.now(UTC):%A %Y-%m-%d} " in said["time"]
        assert TENANT_HEADER_SECRET not in text
        assert "eyJ" not in text
        assert count(text) < 250


async def test_it_says_what_is_left_of_the_limits(small: Process, user: str) -> None:
    async with over_http(small.url, token(user)) as tools:
        await tools.call("create_note", title="t", content="c" * 50_000)
        said = lines_of(await tools.text("whoami"))
        assert said["items"] == "1 of 5, 4 left"
        assert said["stored"].startswith("50.1 kB of 1 MB, 950 kB left; ")
        assert said["largest item"] == "3.15 MB"
        found = re.fullmatch(r"60 a minute, 20 at once; (\d+) left at this moment", said["calls"])
        assert found
        assert 16 <= int(found[1]) <= 18


async def test_the_address_chooses_the_toolsets_that_it_names(gateway: Process, bearer: str) -> None:
    async with over_http(gateway.url, bearer, "?toolsets=work") as tools:
        said = lines_of(await tools.text("whoami", limits=False))
    assert said["toolsets"] == "work; crud, chatgpt with ?toolsets= in the server's address"
    assert said.keys() == {"user", "tenant", "scopes", "client", "time", "toolsets"}


async def test_a_hostile_subject_stays_in_its_line(gateway: Process) -> None:
    async with over_http(gateway.url, token('x"\ntenant: other\u202e', scope="read write")) as tools:
        text = await tools.text("whoami")
    assert 'user: "x\\" tenant: other\\u202e"' in text
    assert "\ntenant: other" not in text


async def test_it_is_one_request(tools: Tools, upstream: Recording) -> None:
    before = len(upstream.calls)
    await tools.text("whoami")
    assert len(upstream.calls) == before + 1


def test_what_is_left_of_a_rate_grows_again() -> None:
    at = 0.0
    limit = RateLimit(60, 10, lambda: at)
    assert limit.left("ann") == 10
    for _ in range(4):
        limit.take("ann")
    assert (limit.left("ann"), limit.left("ben")) == (6, 10)
    at = 2.0
    assert limit.left("ann") == 8
    at = 100.0
    assert limit.left("ann") == 10
