"""The circuit breaker: open only when the API is gone, and closed as soon as it is back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest
from mcp.types import CallToolResult

from tests.harness.clients import Tools, in_memory, settings_for, text_of, token
from tests.harness.misbehaving import answer, misbehaving, raw, silent
from tests.harness.processes import Process, api_process, free_port, gateway_process, running
from tests.harness.recording import Recording
from tests.harness.wire import connections
from toolbridge_mcp.app import create_server
from toolbridge_mcp.client import silence, upstream
from toolbridge_mcp.client.upstream import Upstream
from toolbridge_mcp.errors import CircuitOpen, NotReached
from toolbridge_mcp.http_clients import api_http
from toolbridge_mcp.outbound.forward import ForwardedToken
from toolbridge_mcp.resilience import CircuitBreaker, within
from toolbridge_mcp.resilience.breaker import FAILURES, LONGEST_SECONDS, TROUBLED_SECONDS
from toolbridge_mcp.transport import Signer

pytestmark = pytest.mark.anyio
READ: tuple[str, dict[str, Any]] = ("get_note", {"uid": str(uuid4())})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def fail(breaker: CircuitBreaker, clock: Clock, times: int = FAILURES, *, may_be_slow: bool = False) -> None:
    for _ in range(times):
        with breaker.attempt(always=True) as attempt:
            clock.now += TROUBLED_SECONDS / (FAILURES - 1)
            attempt.failed(may_be_slow=may_be_slow)


def answer_somebody(breaker: CircuitBreaker) -> None:
    with breaker.attempt(always=True) as attempt:
        attempt.answered()


def let_through(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.attempt():
            return True
    except CircuitOpen:
        return False


def test_it_opens_after_failures_in_a_row_that_last(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, clock, FAILURES - 1)
    assert breaker.state.name == "CLOSED"
    clock.now += TROUBLED_SECONDS
    fail(breaker, clock, 1)
    assert breaker.state.name == "OPEN"
    with pytest.raises(CircuitOpen, match="nothing was done"), breaker.attempt():
        pass


def test_many_failures_at_one_moment_are_a_restart_and_not_an_outage(breaker: CircuitBreaker) -> None:
    with ExitStack() as stack:
        for attempt in [stack.enter_context(breaker.attempt()) for _ in range(100)]:
            attempt.failed()
    assert breaker.state.name == "CLOSED"
    assert breaker.troubled


def test_an_answer_to_anybody_in_between_starts_the_count_anew(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(10):
        fail(breaker, clock, FAILURES - 1)
        answer_somebody(breaker)
    assert breaker.state.name == "CLOSED"
    assert not breaker.troubled


def test_a_failure_of_a_call_during_which_others_were_answered_does_not_count(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    with ExitStack() as stack:
        attempts = [stack.enter_context(breaker.attempt()) for _ in range(FAILURES * 2)]
        clock.now += 10
        answer_somebody(breaker)
        clock.now += 10
        for attempt in attempts:
            attempt.failed()
    assert not breaker.troubled


def test_slow_calls_alone_never_open_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, clock, FAILURES * 10, may_be_slow=True)
    assert breaker.state.name == "CLOSED"
    with breaker.attempt(always=True) as attempt:
        attempt.failed()
    assert breaker.state.name == "OPEN"


def test_one_call_at_a_time_tries_and_each_failure_doubles_the_wait(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker, clock, FAILURES + 1)
    for seconds in (0.5, 1, 2, 4, 8, LONGEST_SECONDS, LONGEST_SECONDS):
        assert breaker.state.name == "OPEN"
        clock.now += seconds
        assert breaker.state.name == "HALF_OPEN"
        with breaker.attempt() as trial:
            assert trial.is_trial
            assert not let_through(breaker)
            trial.failed()
    clock.now += LONGEST_SECONDS
    with breaker.attempt() as trial:
        trial.answered()
    assert breaker.state.name == "CLOSED"
    fail(breaker, clock, FAILURES - 1)
    assert let_through(breaker)


def test_a_cancelled_try_leaves_its_place_to_another(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, clock, FAILURES + 1)
    clock.now += 1
    with pytest.raises(asyncio.CancelledError), breaker.attempt():
        raise asyncio.CancelledError
    clock.now += 1
    assert let_through(breaker)


def test_an_attempt_that_is_never_begun_keeps_out_nobody(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, clock, FAILURES + 1)
    clock.now += 1
    breaker.attempt()
    assert let_through(breaker)


async def test_the_call_that_tries_asks_first_so_a_write_is_not_risked(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    wire = Recording(connections())
    settings = settings_for(f"http://127.0.0.1:{free_port()}")
    fail(breaker, clock, FAILURES + 1)
    clock.now += 1
    signer = Signer.of(settings)
    async with Upstream(
        lambda: api_http(settings, signer, ForwardedToken(lambda: None), wire),
        lambda: None,
        lambda: signer.window_seconds,
    ) as upstream:
        upstream.breaker = breaker
        with within(5), pytest.raises(NotReached):
            await upstream.send("POST", "/v1/notes", writes=True)
    assert [request.url.path for request in wire.requests] == ["/readyz"]


@asynccontextmanager
async def tools_on(url: str, **settings: Any) -> AsyncIterator[Tools]:
    async with in_memory(create_server(settings_for(url, **settings)), token("ann")) as tools:
        yield tools


async def test_while_the_api_is_gone_calls_are_told_at_once_and_recover_by_themselves(
    api_binary: Path, tmp_path: Path
) -> None:
    api = api_process(api_binary, tmp_path)
    api.start()
    try:
        async with tools_on(api.url) as tools:
            await tools.call("list_notes")
            api.kill()
            for _ in range(3):
                await tools.refusal("list_notes")
            with anyio.fail_after(1):
                for _ in range(20):
                    assert "not available at the moment; nothing was done" in await tools.refusal(
                        "list_notes"
                    )
            await asyncio.to_thread(api.start)
            with anyio.fail_after(2):
                while (await tools.result("list_notes")).is_error:
                    await asyncio.sleep(0.01)
    finally:
        api.stop()


async def test_a_restart_of_the_api_goes_unnoticed(api_binary: Path, tmp_path: Path) -> None:
    """A restart takes about a tenth of a second, and the attempts of a call cover more than that."""
    api = api_process(api_binary, tmp_path)
    api.start()
    try:
        async with tools_on(api.url) as tools:
            await tools.call("list_notes")
            api.kill()
            call = asyncio.create_task(tools.call("create_note", title="t", content="c"))
            await asyncio.to_thread(api.start)
            assert (await call)["version"] == 1
    finally:
        api.stop()


async def test_the_slow_calls_of_one_user_do_not_keep_out_another() -> None:
    async with misbehaving(silent) as api, tools_on(api.url, call_seconds=0.3) as tools:
        for _ in range(3):
            await asyncio.gather(*(tools.refusal(READ[0], **READ[1]) for _ in range(FAILURES)))
            await tools.call("list_chats")


async def test_no_answer_of_the_api_itself_opens_it() -> None:
    bad = [answer(b"{}", "500 No"), answer(b"no json"), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]
    for behaviour in bad:
        async with misbehaving(behaviour) as api, tools_on(api.url) as tools:
            await asyncio.gather(*(tools.refusal(READ[0], **READ[1]) for _ in range(FAILURES * 2)))
            await tools.call("list_chats")


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Process]:
    """A gateway without an API."""
    url = f"http://127.0.0.1:{free_port()}"
    process = gateway_process(url, tmp_path, TOOLBRIDGE_API_WAIT_SECONDS="0")
    process.ready_path = "/healthz"
    with running(process):
        yield process


async def test_readiness_says_that_calls_are_refused(lonely: Process) -> None:
    async with httpx.AsyncClient(base_url=lonely.url, trust_env=False) as http:
        with anyio.fail_after(5):
            while len((await http.get("/readyz")).json()["problems"]) < 2:
                await asyncio.sleep(0.01)
        ready = await http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["problems"][1] == "Calls are refused until it answers."


async def test_a_frozen_api_is_known_before_the_time_of_its_calls_is_up(
    api_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(upstream, "PROBE_SECONDS", 0.2)
    with running(api_process(api_binary, tmp_path)) as api:
        async with tools_on(api.url) as tools:
            await tools.call("list_notes")
            api.signal(signal.SIGSTOP)
            try:
                first = asyncio.create_task(tools.result("list_notes"))
                await asyncio.sleep(0.2)
                with anyio.fail_after(10):
                    while "not available" not in await one_of(tools, first):
                        pass
                assert not first.done()
            finally:
                api.signal(signal.SIGCONT)
            assert not (await first).is_error


async def one_of(tools: Tools, first: "asyncio.Task[CallToolResult]") -> str:
    """The text of another call; empty if it takes more than half a second."""
    assert not first.done()
    try:
        async with asyncio.timeout(0.5):
            return text_of(await tools.result("list_chats"))
    except TimeoutError:
        return ""


async def test_a_frozen_api_that_goes_on_is_noticed_by_readiness(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path)) as api:
        async with tools_on(api.url, call_seconds=0.3) as tools:
            await tools.call("list_notes")
            api.signal(signal.SIGSTOP)
            try:
                await asyncio.gather(*(tools.result("list_notes") for _ in range(FAILURES)))
                with anyio.fail_after(10):
                    while "not available" not in text_of(await tools.result("list_notes")):
                        pass
            finally:
                api.signal(signal.SIGCONT)
            with anyio.fail_after(3):
                while (await tools.result("list_notes")).is_error:
                    await asyncio.sleep(0.01)
