"""One request to the API and its answer: within the deadline, and only while the API can be reached."""

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from contextvars import Context
from types import TracebackType
from typing import Protocol, Self

from toolbridge_mcp.client.clocks import COMPARE_SECONDS
from toolbridge_mcp.client.openings import Openings
from toolbridge_mcp.client.refusals import is_from_the_api, refusal
from toolbridge_mcp.client.silence import Silence
from toolbridge_mcp.client.standing import Standing
from toolbridge_mcp.errors import (
    AnswerDropped,
    BadAnswer,
    NotReached,
    OutcomeUnknown,
    ReadOnly,
    ScopeRefused,
    TenantRefused,
    TimedOut,
    TimedOutWrite,
    ToolBridgeError,
    Unavailable,
)
from toolbridge_mcp.metrics import count_request, watch_circuit, watch_clock
from toolbridge_mcp.resilience import Attempt, CircuitBreaker, Deadline, current_deadline
from toolbridge_mcp.transport import AnswerLost, Request, Response, set_deadline
from toolbridge_mcp.unread import NoRoom

READY_SECONDS = 2.0
READY_PATH = "/readyz"
DEGRADED = "degraded: "
"""How our API begins the answer when it can serve, but not everything."""
PROBE_SECONDS = 1.0
WATCH_SECONDS = 0.05

FIRST_COMPARED_SECONDS = 1.0
"""When the clocks are compared after a start, if no probe has done so. A start asks whether all is ready."""

NOTHING_CHANGED: Mapping[str, object] = {"consequence": "nothing was changed"}
"""For errors about unreadable answers to reads. By default they say that something may have changed."""

_NOT_FOUND = 404
_NO_HEADERS: Mapping[str, str] = {}


class Http(Protocol):
    """Makes requests to the API, with token and signature. Each is carried out once at most."""

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        edges: bool = False,
        route: str = "",
        resends: int = 0,
    ) -> Request: ...

    async def send(self, request: Request) -> Response: ...

    async def aclose(self) -> None: ...


class Upstream:
    """The connection to the API. To be entered before use; left, it has no task and no connection."""

    _http: Http

    def __init__(
        self,
        open_http: Callable[[], Http],
        user: Callable[[], Hashable],
        window_seconds: Callable[[], float],
    ) -> None:
        self._open_http = open_http
        self.openings = Openings(user)
        self._watching: asyncio.Task[None] | None = None
        self._comparing: asyncio.Task[None] | None = None
        self._silence = Silence(self._watch)
        self.breaker = CircuitBreaker()
        self.warning = ""
        self.standing = Standing(window_seconds)
        self.losses = 0
        """How often the API could not be reached or gave no answer. After that it may be another one."""
        watch_circuit(lambda: self.breaker.state)
        watch_clock(lambda: self.standing.clocks.ahead)

    async def __aenter__(self) -> Self:
        self._http = self._open_http()
        self._comparing = asyncio.create_task(self._compare_clocks(), context=Context())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._silence.close()
        tasks = [task for task in (self._watching, self._comparing) if task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._http.aclose()

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        content: bytes = b"",
        *,
        writes: bool = False,
        edges: bool = False,
        route: str = "",
        resends: int = 0,
    ) -> Response:
        """Sends one request once, and returns the answer if it is a success.

        `target` is the path with the query, and `route` the path as the API declares it; it has been sent
        `resends` times before. `writes` says whether the request may change something, and so
        what it means if no answer comes. With `edges`, the answer may be cut (`Response.whole_size`). Raises
        `NoRoom` if there is none for the answer to a read.
        """
        request = self._http.request(
            method, target, headers, content, edges=edges, route=route, resends=resends
        )
        try:
            with self.breaker.attempt() as attempt:
                if attempt.is_trial:
                    await self._ask_ready(attempt, READY_SECONDS)
                answer = await self._transmit(request, attempt, current_deadline(), writes=writes)
            if answer.lacks:
                raise AnswerDropped if writes else NoRoom(answer.lacks)
            if answer.is_success:
                return answer
            error = refusal(answer)
            if isinstance(error, TenantRefused):
                self.standing.refused(answer, error.details)
            elif isinstance(error, ScopeRefused | ReadOnly):
                self.standing.not_allowed(error)
            raise error
        except BadAnswer as error:
            if writes:
                raise
            raise error.with_facts(**NOTHING_CHANGED) from error

    async def check_ready(self, seconds: float = READY_SECONDS) -> None:
        """Returns when the API can serve. Raises a `ToolBridgeError` when it cannot. It asks even while the
        breaker is open, and any answer closes that."""
        with self.breaker.attempt(always=True) as attempt:
            await self._ask_ready(attempt, seconds)

    async def _ask_ready(self, attempt: Attempt, seconds: float) -> None:
        """The one call that an open breaker lets through asks first: that costs it `seconds` at most, and
        puts no write at risk. The first generation has no `/readyz`; there, any answer must do."""
        request = self._http.request("GET", READY_PATH, _NO_HEADERS, route=READY_PATH)
        sent_at = time.time()
        answer = await self._transmit(request, attempt, Deadline(seconds), writes=False)
        self.standing.clocks.compare(answer.header("Date"), (sent_at + time.time()) / 2)
        if not answer.is_success and answer.status != _NOT_FOUND:
            raise refusal(answer)
        text = answer.text
        self.warning = text.removeprefix(DEGRADED) if text.startswith(DEGRADED) else ""

    async def _transmit(
        self, request: Request, attempt: Attempt, deadline: Deadline, *, writes: bool
    ) -> Response:
        """One request on the wire, and what the breaker learns from it."""
        set_deadline(request, deadline.at)
        outcome = "other"
        self._silence.begin(request)
        try:
            answer = await self._http.send(request)
        except NotReached:
            outcome = "not reached"
            self._failed(attempt)
            raise
        except AnswerLost as error:
            outcome = "timed out" if error.late else "answer lost"
            if error.begun:
                attempt.answered()
            else:
                self._failed(attempt, may_be_slow=error.late and request.target != READY_PATH)
            raise _lost(error.late, writes) from error
        except BadAnswer:
            outcome = "bad answer"
            attempt.answered()
            raise
        else:
            outcome = f"{answer.status // 100}xx"
            if is_from_the_api(answer):
                attempt.answered()
            else:
                self._failed(attempt)
            return answer
        finally:
            self._silence.end(request)
            count_request(outcome)

    def _failed(self, attempt: Attempt, *, may_be_slow: bool = False) -> None:
        self.losses += 1
        attempt.failed(may_be_slow=may_be_slow)
        self._watch()

    def _watch(self) -> None:
        """Starts to probe the API, if the gateway does not do that already."""
        if self._watching is None or self._watching.done():
            # In a context of its own: the caller's token and deadline are not the gateway's.
            self._watching = asyncio.create_task(self._probe(), context=Context())

    async def _probe(self) -> None:
        """Probes until the API answers. So a failure of one call alone is cleared up at once, calls go on as
        soon as the API is back, and an API that is frozen is known long before the calls' time is up."""
        with suppress(ToolBridgeError):
            await self.check_ready(PROBE_SECONDS)
        while self.breaker.troubled:
            await asyncio.sleep(WATCH_SECONDS)
            with suppress(ToolBridgeError):
                await self.check_ready(PROBE_SECONDS)

    async def _compare_clocks(self) -> None:
        """Compares the clocks whenever no probe has done so for a minute."""
        await asyncio.sleep(FIRST_COMPARED_SECONDS)
        while True:
            pause = self.standing.clocks.due_in
            if pause <= 0:
                pause = COMPARE_SECONDS
                with suppress(ToolBridgeError):
                    await self.check_ready(PROBE_SECONDS)
            await asyncio.sleep(pause)


def _lost(late: bool, writes: bool) -> ToolBridgeError:
    if late:
        return TimedOutWrite() if writes else TimedOut()
    return OutcomeUnknown() if writes else Unavailable()
