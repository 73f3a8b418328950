"""One request to the API and its answer: within the deadline, and only while the API can be reached."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from types import TracebackType
from typing import Any, Self

import httpx

from toolbridge_mcp.client.refusals import is_from_the_api, refusal
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import (
    BadAnswer,
    NotReached,
    OutcomeUnknown,
    TimedOut,
    TimedOutWrite,
    ToolBridgeError,
    Unavailable,
)
from toolbridge_mcp.metrics import count_request, watch_circuit
from toolbridge_mcp.resilience import CircuitBreaker, State, current_deadline
from toolbridge_mcp.transport import RETRY_AFTER_SECONDS, UNTIL, AnswerLost

CONNECT_SECONDS = 2.0
READY_SECONDS = 2.0
READY_PATH = "/readyz"
LOOK_SECONDS = 1.0
WATCH_SECONDS = 0.05
SILENCE_SECONDS = 3.0
"""How long a request may go without an answer before the gateway looks whether the API is there at all."""

ANSWER_SECONDS = 0.25
"""The API is told a little less than what is left, so that its own answer can still arrive."""


class Upstream:
    """The connection to the API. To be entered before use; left, it has no task and no connection."""

    _http: httpx.AsyncClient

    def __init__(self, open_http: Callable[[], httpx.AsyncClient]) -> None:
        self._open_http = open_http
        self._watching: asyncio.Task[None] | None = None
        self.breaker = CircuitBreaker()
        watch_circuit(lambda: self.breaker.state)

    async def __aenter__(self) -> Self:
        self._http = self._open_http()
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._http.__aexit__(kind, error, trace)

    def build(self, method: str, path: str, **parts: Any) -> httpx.Request:
        return self._http.build_request(method, path, **parts)

    async def send(
        self, request: httpx.Request, *, writes: bool = False, entity: Entity | None = None
    ) -> httpx.Response:
        """Sends once and returns the answer if it is a success. `writes` tells whether the request changes
        anything, and so what it means if no answer comes."""
        deadline = current_deadline()
        try:
            mark = self.breaker.enter()
            if self.breaker.state is not State.CLOSED:
                await self.check_ready(mark)
            _give_time(request, deadline.left)
            answer = await self._exchange(request, mark, writes=writes)
            if answer.is_success:
                return answer
            raise refusal(answer)
        except ToolBridgeError as error:
            facts = {"retry_after": RETRY_AFTER_SECONDS, "waited": f"{deadline.waited:.3g}"}
            words = entity.words if entity else {}
            error.facts = {**facts, **words, **consequence_of(writes), **error.facts}
            error.correlation_id = error.correlation_id or request.headers.get("X-Correlation-ID", "")
            raise

    async def check_ready(self, mark: float | None = None, seconds: float = READY_SECONDS) -> None:
        """Returns when the API can serve. Raises a `ToolBridgeError` when it cannot. It asks even while the
        breaker is open, and any answer closes that. `mark` is that of the one call that may try: it costs
        that call `seconds` at most, and a write nothing.

        The first generation has no `/readyz`; there, answering at all must do.
        """
        request = self.build("GET", READY_PATH)
        _give_time(request, seconds)
        answer = await self._exchange(request, self.breaker.look() if mark is None else mark, writes=False)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise refusal(answer)

    async def _exchange(self, request: httpx.Request, mark: float, *, writes: bool) -> httpx.Response:
        """One request on the wire, and what the breaker learns from it."""
        outcome = "other"
        silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._look)
        try:
            answer = await self._http.send(request)
        except NotReached:
            outcome = "not reached"
            self._missed(mark)
            raise
        except AnswerLost as error:
            outcome = "timed out" if error.late else "answer lost"
            if error.begun:
                self.breaker.answered()
            else:
                self._missed(mark, may_be_slow=error.late and request.url.path != READY_PATH)
            raise _lost(error.late, writes) from error
        except BadAnswer:
            outcome = "bad answer"
            self.breaker.answered()
            raise
        else:
            outcome = f"{answer.status_code // 100}xx"
            if is_from_the_api(answer):
                self.breaker.answered()
            else:
                self._missed(mark)
            return answer
        finally:
            silence.cancel()
            self.breaker.left(mark)
            count_request(outcome)

    def _missed(self, mark: float, *, may_be_slow: bool = False) -> None:
        self.breaker.failed(mark, may_be_slow=may_be_slow)
        self._look()

    def _look(self) -> None:
        if self._watching is None or self._watching.done():
            # In a context of its own: the caller's token and deadline are not the gateway's.
            self._watching = asyncio.create_task(self._watch(), context=Context())

    async def _watch(self) -> None:
        """Asks until the API answers: a failure that was one call's own is cleared up at once, calls go on as
        soon as the API is back, and one that is frozen is known long before the calls' time is up."""
        with suppress(ToolBridgeError):
            await self.check_ready(seconds=LOOK_SECONDS)
        while self.breaker.troubled:
            await asyncio.sleep(WATCH_SECONDS)
            with suppress(ToolBridgeError):
                await self.check_ready(seconds=LOOK_SECONDS)


def _give_time(request: httpx.Request, left: float) -> None:
    """Lets a request take what is left. Connecting ends well before, so that a request whose time is up is
    known to have been sent."""
    if left <= 0:
        raise TimedOut
    connect = min(CONNECT_SECONDS, left / 2)
    request.extensions["timeout"] = httpx.Timeout(None, connect=connect, pool=connect).as_dict()
    request.extensions[UNTIL] = time.monotonic() + left
    for_the_api = left - min(ANSWER_SECONDS, left / 10)
    request.headers["X-Request-Timeout-Ms"] = str(max(1, int(for_the_api * 1000)))


def consequence_of(writes: bool) -> dict[str, str]:
    """What a call may have left behind whose answer cannot be read, where it is not what errors assume."""
    return {} if writes else {"consequence": "nothing was changed"}


def _lost(late: bool, writes: bool) -> ToolBridgeError:
    if late:
        return TimedOutWrite() if writes else TimedOut()
    return OutcomeUnknown() if writes else Unavailable()
