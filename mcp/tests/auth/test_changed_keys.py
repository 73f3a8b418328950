"""Secrets in files that change while real programs serve real clients."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from tests.auth.streams import Stream, with_stream
from tests.harness.by_hand import signed_tenant
from tests.harness.clients import HELLO, Tools, over_http, over_sse, text_of, token
from tests.harness.log_search import confide_keys
from tests.harness.processes import (
    START_SECONDS,
    TENANT_ID,
    Process,
    api_process,
    free_port,
    gateway_process,
    running,
)
from tests.operator.raw import PrivatePort

pytestmark = pytest.mark.anyio
SECRETS = {
    use: {name: f"{use}-secret-{name}-of-the-tests-0123456789" for name in ("k1", "k2", "k3")}
    for use in ("tenant", "token")
}
USES = tuple(SECRETS)
SAMPLE = re.compile(r'^toolbridge(_api)?_key_age_seconds\{key="(\w+)",use="(\w+)"\} ', re.MULTILINE)
CALLS = 20
"""How many calls of each client are answered between two steps."""


def listed(use: str, *ids: str, days: int = 1) -> str:
    made = (datetime.now(UTC) - timedelta(days=days)).date()
    return "".join(f"{key_id}:{made}:{SECRETS[use][key_id]}\n" for key_id in ids)


async def until(is_so: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() < end, "it did not come"
        await asyncio.sleep(0.02)


@dataclass
class Rotating:
    """A gateway and an API with the keys of both uses in files that they share."""

    folder: Path
    api: Process = field(init=False)
    gateway: Process = field(init=False)
    private: PrivatePort = field(init=False)

    def __post_init__(self) -> None:
        for use in USES:
            self.write(use, listed(use, "k1"))

    def settings(self) -> dict[str, str]:
        return {
            "TENANT_HEADER_KEYS_FILE": str(self.folder / "tenant"),
            "JWT_HS256_KEYS_FILE": str(self.folder / "token"),
        }

    def write(self, use: str, text: str) -> None:
        confide_keys(text)
        fresh = self.folder / "fresh"
        fresh.touch(0o600)
        fresh.write_text(text)
        fresh.replace(self.folder / use)

    async def change(self, *ids: str, uses: tuple[str, ...] = USES) -> None:
        """Returns when both programs have exactly these keys."""
        for use in uses:
            self.write(use, listed(use, *ids))
        wanted = {(use, key_id) for use in uses for key_id in ids}
        await until(lambda: self.live(self.api, uses) == self.live(self.gateway, uses) == wanted)
        await asyncio.sleep(1)  # only the order may have changed, which no metric shows

    def live(self, program: Process, uses: tuple[str, ...]) -> set[tuple[str, str]]:
        try:
            text = httpx.get(f"{program.url}/metrics", trust_env=False).text
        except httpx.HTTPError:
            return set()
        return {(use, key_id) for _, key_id, use in SAMPLE.findall(text) if use in uses}

    def ready(self) -> dict[str, object]:
        answer: dict[str, object] = httpx.get(f"{self.gateway.url}/readyz", trust_env=False).json()
        return answer

    def told(self) -> int:
        """How many problems the gateway's log tells."""
        return self.gateway.log.read_text().count('"the file with the keys cannot be used, so')

    def examined(self) -> dict[str, str]:
        """The state of each check of the doctor, as the operator's page has it."""
        found = self.private.get("/?json").json()["doctor"]["findings"]
        return {one["check"]: one["state"] for one in found}

    async def status(self, bearer: str) -> int:
        headers = {
            "Authorization": f"Bearer {bearer}",
            "Accept": "application/json, text/event-stream",
        }
        async with httpx.AsyncClient(base_url=self.gateway.url, trust_env=False) as http:
            return (await http.post("/mcp", json=HELLO, headers=headers)).status_code

    async def replace_the_serving_process(self) -> None:
        serving = psutil.Process(self.gateway.pid)
        serving.kill()
        await until(lambda: not serving.is_running() and self.gateway.is_ready())


@pytest.fixture
def rotating(api_binary: Path, tmp_path: Path) -> Iterator[Rotating]:
    one, port = Rotating(tmp_path), free_port()
    one.api = api_process(api_binary, tmp_path, **one.settings())
    with running(one.api):
        one.gateway = gateway_process(
            one.api.url, tmp_path, **one.settings(), TOOLBRIDGE_METRICS_PORT=str(port)
        )
        one.private = PrivatePort(port)
        with running(one.gateway):
            yield one


def bearer(key_id: str, user: str = "ann") -> str:
    return token(user, secret=SECRETS["token"][key_id])


@dataclass
class Load:
    """Clients that call one after another, and what they were told."""

    calls: list[int] = field(default_factory=lambda: [0, 0, 0])
    failures: list[str] = field(default_factory=list)

    async def call(self, place: int, tools: Tools, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                result = await tools.result("list_notes", limit=1)
            except Exception as error:  # noqa: BLE001  whatever the client makes of a refusal
                self.failures.append(repr(error))
                return
            self.calls[place] += 1
            if result.is_error:
                self.failures.append(text_of(result))

    async def more(self) -> None:
        wanted = [calls + CALLS for calls in self.calls]
        while any(calls < least for calls, least in zip(self.calls, wanted, strict=True)):
            assert self.failures == []
            await asyncio.sleep(0.02)


@asynccontextmanager
async def clients(url: str, load: Load, bearer: str) -> AsyncIterator[None]:
    """One of each transport, which call until the block ends."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        every = (over_sse(url, bearer), over_http(url, bearer), over_http(url, bearer, mode="legacy"))
        for place, one in enumerate(every):
            tasks.create_task(load.call(place, await stack.enter_async_context(one), stop))
        try:
            yield
        finally:
            stop.set()


async def test_no_call_fails_while_all_secrets_change(rotating: Rotating) -> None:
    load, url = Load(), rotating.gateway.url
    async with clients(url, load, bearer("k1")):
        await load.more()
        await rotating.change("k1", "k2")
        await load.more()
        await rotating.change("k2", "k1")
        await load.more()
        async with clients(url, later := Load(), bearer("k2")):
            await later.more()
            await load.more()
        assert later.failures == []
    async with clients(url, later := Load(), bearer("k2")):
        await later.more()
        await rotating.change("k2")
        await later.more()
    assert (load.failures, later.failures) == ([], [])
    assert min(load.calls + later.calls) >= 2 * CALLS
    assert [await rotating.status(bearer(key_id)) for key_id in ("k1", "k2", "k3")] == [401, 200, 401]


async def test_the_api_refuses_what_a_retired_key_signs(rotating: Rotating) -> None:
    await rotating.change("k1", "k2")
    await rotating.change("k2")

    async def asked(tenant: str, user: str) -> int:
        headers = {
            "Authorization": f"Bearer {bearer(user)}",
            "X-Sync-Session": "new",
            **signed_tenant(SECRETS["tenant"][tenant], TENANT_ID),
        }
        async with httpx.AsyncClient(base_url=rotating.api.url, trust_env=False) as http:
            return (await http.get("/v1/notes", headers=headers)).status_code

    assert await asked("k2", "k2") == 200
    assert await asked("k1", "k2") == 401
    assert await asked("k2", "k1") == 401


async def test_an_open_session_takes_no_more_messages_with_a_retired_token(rotating: Rotating) -> None:
    retired = bearer("k1")

    async def use(stream: Stream) -> None:
        assert await stream.post({"id": 1, "method": "ping"}, retired) == 202
        assert (await stream.answer())["id"] == 1
        await rotating.change("k2", uses=("token",))
        assert await stream.post({"id": 2, "method": "ping"}, retired) == 401, "although it was remembered"
        assert await stream.post({"id": 3, "method": "ping"}, bearer("k2")) == 202
        assert (await stream.answer())["id"] == 3, "the session is the user's still"

    await with_stream(rotating.gateway, retired, use)


async def test_files_that_cannot_be_used_fail_no_call_and_are_told(rotating: Rotating) -> None:
    load = Load()
    async with clients(rotating.gateway.url, load, bearer("k1")):
        for number, text in enumerate(("", "k1:2026-01-31:short\n", "no list", "x" * 70_000), 1):
            for use in USES:
                rotating.write(use, text)
            await until(lambda number=number: rotating.told() == number * len(USES))  # type: ignore[misc]
            await load.more()
        for use in USES:
            (rotating.folder / use).unlink()
        await until(lambda: rotating.told() == 5 * len(USES))
        await load.more()
        warnings = str(rotating.ready()["warnings"])
        for use in USES:
            assert f"The file with the {use} keys cannot be used, so the known keys stay in use" in warnings
        page, metrics = await asyncio.to_thread(
            lambda: [rotating.private.get(path).text for path in ("/", "/metrics")]
        )
        assert "The file with the tenant keys cannot be used" in page
        assert [f'toolbridge_keys_problem{{use="{use}"}} 1.0' in metrics for use in USES] == [True, True]
        await until(lambda: rotating.examined().get("gateway ready") == "ok")
        assert rotating.examined()["age of keys"] == "not checked", "and all others are"
        await rotating.change("k1")
        await until(lambda: rotating.ready() == {"ready": True})
        await load.more()
    assert load.failures == []
    log = rotating.gateway.log.read_text()
    assert log.count('"the file with the keys cannot be used, so the known keys stay in use"') == 5 * len(
        USES
    )
    assert str(rotating.folder) not in log
    assert "short" not in log


async def test_an_old_key_is_told(rotating: Rotating) -> None:
    rotating.write("tenant", listed("tenant", "k1", days=93))
    rotating.write("token", listed("token", "k1", days=89))
    says = "The tenant key k1 is 93 days old; change it as docs/runbook.md says under Rotating secrets."
    await until(lambda: says in rotating.ready().get("warnings", ()))  # type: ignore[operator]
    assert not any("token" in str(one) for one in rotating.ready()["warnings"])  # type: ignore[attr-defined]
    page = await asyncio.to_thread(lambda: rotating.private.get("/").text)
    assert "The tenant key k1 is 93 days old" in page
    text = await asyncio.to_thread(lambda: rotating.private.get("/metrics").text)
    (days,) = re.findall(r'^toolbridge_key_age_seconds\{key="k1",use="tenant"\} (\S+)', text, re.MULTILINE)
    assert 93 <= float(days) / 86_400 < 94


@pytest.mark.parametrize("is_there", [True, False], ids=["with its files", "when they are gone"])
async def test_a_serving_process_that_is_replaced_has_the_present_keys(
    rotating: Rotating, is_there: bool
) -> None:
    """Its parent read the settings long ago, and looks at the files itself."""
    await rotating.change("k1", "k2")
    await rotating.change("k2")
    if not is_there:
        for use in USES:
            (rotating.folder / use).unlink()
        await until(lambda: "warnings" in rotating.ready())
    await rotating.replace_the_serving_process()
    assert [await rotating.status(bearer(key_id)) for key_id in ("k1", "k2")] == [401, 200]
    async with over_http(rotating.gateway.url, bearer("k2")) as tools:
        await tools.call("list_notes")
    assert ("warnings" in rotating.ready()) is not is_there


async def test_a_change_while_no_process_serves_is_not_missed(rotating: Rotating) -> None:
    """The parent is frozen while the file changes, so that only the new process itself can see it."""
    parent = rotating.gateway._process
    assert parent
    os.kill(parent.pid, signal.SIGSTOP)
    os.kill(rotating.gateway.pid, signal.SIGKILL)
    for use in USES:
        rotating.write(use, listed(use, "k2"))
    await until(lambda: rotating.live(rotating.api, USES) == {(use, "k2") for use in USES})
    os.kill(parent.pid, signal.SIGCONT)
    await until(rotating.gateway.is_ready)
    assert [await rotating.status(bearer(key_id)) for key_id in ("k1", "k2")] == [401, 200]
