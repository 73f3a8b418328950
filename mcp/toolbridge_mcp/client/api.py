"""The way of every tool call to the REST API, with recovery and typed errors."""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from toolbridge_mcp.client.call import Call, Origin
from toolbridge_mcp.client.description import ServerInfo
from toolbridge_mcp.client.document import Document
from toolbridge_mcp.client.first_generation import FirstGeneration
from toolbridge_mcp.client.sessions import InBandSession, OpenedSession
from toolbridge_mcp.client.upstream import NOTHING_CHANGED, READY_SECONDS, Http, Upstream
from toolbridge_mcp.errors import (
    AnswersUnread,
    BadAnswer,
    EpochChanged,
    SessionRefused,
    SignInRequired,
    TenantRefused,
    TimedOut,
    ToolBridgeError,
    Unavailable,
)
from toolbridge_mcp.metrics import count_retry
from toolbridge_mcp.resilience import Retries, State, current_deadline, within
from toolbridge_mcp.single_flight import SingleFlight
from toolbridge_mcp.transport import Signer
from toolbridge_mcp.unread import NoRoom, current_answer

REREAD_SECONDS = 0.5
"""As much of a call's time is left for a request that is sent again when there is room for its answer."""

INFO_PATH = "/v1/sync/info"

REMEMBERED_SECONDS = 300
"""How long the gateway goes by what the API said about itself. Another one may have taken its place."""


@dataclass(frozen=True, slots=True)
class _Api:
    """The API as it described itself, and how it is spoken to.

    `losses` counts the failures to reach it before it did so, and `at` is when that was.
    """

    info: ServerInfo
    session: type[InBandSession]
    losses: int
    at: float

    @classmethod
    def of(cls, info: ServerInfo, losses: int) -> Self:
        return cls(info, _session(info), losses, time.monotonic())


def _session(info: ServerInfo) -> type[InBandSession]:
    if info.first_generation:
        return FirstGeneration
    return InBandSession if info.sessions.in_band else OpenedSession


class ApiClient:
    """The REST API on behalf of the caller of the moment.

    To be entered before use: it holds one HTTP client from entering to leaving. Every method needs a deadline
    around it, keeps it, and raises a `ToolBridgeError` when the API refuses, fails or is not there.
    """

    def __init__(
        self,
        open_http: Callable[[], Http],
        signer: Signer,
        user: Callable[[], Hashable] = lambda: None,
        token_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """`signer` is the one that signs what `open_http` sends. `user` names the user of the call at hand,
        as the API knows them. `token_refused` is called when the API did not accept a token of theirs."""
        self._token_refused = token_refused
        self._signer = signer
        self._upstream = Upstream(open_http, user, lambda: signer.window_seconds)
        self._api: _Api | None = None
        self._readings: SingleFlight[_Api] = SingleFlight()

    async def __aenter__(self) -> Self:
        await self._upstream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._readings.aclose()
        await self._upstream.__aexit__(kind, error, trace)

    async def send(self, call: Call, origin: Origin) -> Document:
        """The API's answer to one tool call. The call is repeated while that is safe and may help.

        A write is carried out once for each correlation id, where the API knows idempotency keys.
        """
        retries = Retries(writes=call.writes)
        session: InBandSession | None = None
        sent = 0
        while True:
            try:
                if session is None:
                    api = self._remembered() or await self._described()
                    session = api.session(self._upstream, api.info, origin)
                session.resends, sent = sent, sent + 1
                return await session.send(call)
            except NoRoom as full:
                await _wait_for_room(full.size)
                continue
            except ToolBridgeError as error:
                if isinstance(error, SignInRequired):
                    self._token_refused()
                safely = self._api is not None and self._api.info.repeats_safely
                if isinstance(error, SessionRefused | TenantRefused):
                    self._api = None  # another API may have taken its place
                if isinstance(error, SessionRefused | EpochChanged | TenantRefused):
                    session = None
                pause = retries.pause(error, current_deadline().left, repeats_safely=safely)
                count_retry(type(error).__name__, origin.tool, retries.attempts + 1)
            await asyncio.sleep(pause)

    async def read_info(self) -> ServerInfo:
        """What the API says about itself now. Raises `Unavailable` when it does not answer."""
        return (await self._read()).info

    async def check_ready(self) -> None:
        """Returns when the API can serve, raises a `ToolBridgeError` when it cannot."""
        await self._upstream.check_ready()

    @property
    def warning(self) -> str:
        """What the API said of itself when it was last asked: that its disk is full. Else empty."""
        return self._upstream.warning

    def cautions(self) -> list[str]:
        """What will become a problem between gateway and API. Empty if nothing will."""
        return self._upstream.standing.cautions()

    def disagreements(self) -> list[str]:
        """Why the API refuses the gateway itself, as far as its latest answers show. Empty if it does not."""
        return self._signer.problems() or self._upstream.standing.problems()

    @property
    def counts_repetitions(self) -> bool:
        """Whether each write may make a new version, also if it changes nothing. Our own API makes none."""
        return self._api is None or self._api.info.first_generation

    @property
    def features(self) -> frozenset[str] | None:
        """What the API has beyond the oldest one, as it said last; None before it said anything."""
        return self._api.info.features if self._api else None

    async def read_features(self) -> frozenset[str]:
        """The same, asked for if it is not known or may not be true any more."""
        return (await self.known_info()).features

    async def known_info(self) -> ServerInfo:
        """What the API said about itself last, asked for in the same cases."""
        return (self._remembered() or await self._described()).info

    @property
    def has_to_be_asked(self) -> bool:
        """Whether what it said last is not known, or may not be true any more."""
        return self._remembered() is None

    @property
    def is_cut_off(self) -> bool:
        """Whether calls are refused for now because the API did not answer the last ones."""
        return self._upstream.breaker.state is not State.CLOSED

    def _remembered(self) -> _Api | None:
        """What the API said about itself, while it can be relied on."""
        api = self._api
        known = api and api.losses == self._upstream.losses and time.monotonic() - api.at < REMEMBERED_SECONDS
        return api if known else None

    async def _described(self) -> _Api:
        """Calls that need the description at the same time share one request."""
        try:
            return await self._readings.run(self._read, seconds=current_deadline().left)
        except TimeoutError as error:
            raise Unavailable from error

    async def _read(self) -> _Api:
        losses = self._upstream.losses
        try:
            with within(READY_SECONDS):
                answer = await self._upstream.send("GET", INFO_PATH, route=INFO_PATH)
        except TimedOut as error:
            raise Unavailable from error
        try:
            self._api = _Api.of(ServerInfo.model_validate_json(answer.content), losses)
        except ValidationError as error:
            raise BadAnswer(facts=NOTHING_CHANGED) from error
        self._signer.described(self._api.info.signatures)
        return self._api


async def _wait_for_room(size: int) -> None:
    """Returns when there is room for the answer to a read, which then has to be sent again. Meanwhile nobody
    keeps the answer, neither here nor in the API."""
    answer = current_answer()
    seconds = current_deadline().left - REREAD_SECONDS
    if answer is None or not await answer.waits(size, seconds):
        raise AnswersUnread
