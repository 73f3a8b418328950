"""Sessions of all transports: whose they are, what is under way in them, and how many there may be."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mcp.types import Implementation, RequestId
from starlette.responses import Response

from toolbridge_mcp.identity import SessionOwner, User, client_as_named
from toolbridge_mcp.library_seams import Peer, correlation_key
from toolbridge_mcp.telemetry import Operation
from toolbridge_mcp.telemetry.sessions import LIMIT, session_tallies
from toolbridge_mcp.web.ledger import Lack, Room
from toolbridge_mcp.web.refusals import RETRY_AFTER_SECONDS, refusal
from toolbridge_mcp.web.sessions.exchanges import Exchange


class Session(ABC):
    """One session of a client."""

    def __init__(
        self, owner: SessionOwner, transport: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.owner = owner
        self._clock = clock
        self.used_at = self._opened_at = clock()
        self.peer: Peer | None = None
        """The other end, once the SDK knows it."""
        self._info: Implementation | None = None
        self._client = ""
        self._exchanges: dict[RequestId, Exchange] = {}
        self.record = session_tallies.begin(transport, self)
        """What is counted of it. Whoever forgets the session ends that."""

    @property
    def revision(self) -> str:
        """The revision of MCP that the client speaks; empty while only the SDK could know."""
        return self.peer.revision if self.peer else ""

    @property
    def client(self) -> str:
        """The client and its version, as it called itself last; empty if it did not say."""
        info = self.peer.info if self.peer else None
        if info is not self._info:
            self._info = info
            self._client = client_as_named(info.name, info.version) if info else ""
        return self._client

    def describe(self, operation: Operation) -> None:
        """Records what is known of the other end."""
        operation.client = self.client
        if self.peer:
            operation.revision = self.peer.revision

    @property
    def is_used(self) -> bool:
        """Whether its client has sent a request."""
        return self.used_at > self._opened_at

    @property
    def user(self) -> User:
        return self.owner[:2]

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way, its answer included."""
        return bool(self._exchanges)

    def is_in_flight(self, request_id: RequestId) -> bool:
        """Whether the SDK would take a request with this id and one that is under way for the same."""
        return correlation_key(request_id) in self._exchanges

    def begin(self, request_id: RequestId, exchange: Exchange) -> None:
        """Records a request whose id is not in flight. The id is free again when the exchange is over."""
        key = correlation_key(request_id)
        self._exchanges[key] = exchange
        self.used_at = self._clock()
        exchange.when_taken(lambda: self._end(key))

    def exchange_of(self, request_id: RequestId) -> Exchange | None:
        return self._exchanges.get(correlation_key(request_id))

    def cancel(self, request_id: RequestId) -> None:
        """Cancels the request if it is carried out here; the SDK cancels the others itself."""
        if exchange := self.exchange_of(request_id):
            exchange.cancel()

    def cancel_all(self) -> None:
        for exchange in list(self._exchanges.values()):
            exchange.cancel()

    def drop_answers(self) -> None:
        """No answer will be sent any more."""
        for exchange in list(self._exchanges.values()):
            exchange.sent()

    @abstractmethod
    async def end(self, reason: str) -> None:
        """Ends the session so that its client opens a new one when it needs one. `reason` is one of `ENDS`
        in `telemetry.sessions`."""

    def _end(self, key: RequestId) -> None:
        del self._exchanges[key]
        self.used_at = self._clock()


class TooManySessions(Exception):
    """`response` says why a session cannot be opened now, and `reason` is its name in the metrics."""

    def __init__(self, status: int, description: str, reason: str = "sessions") -> None:
        super().__init__(description)
        self.reason = reason
        self.response: Response = refusal(
            status, "too_many_sessions", description, retry_after=RETRY_AFTER_SECONDS
        )


class Place:
    """The place of one session. `session` is None while it is being opened."""

    def __init__(self, limits: "SessionLimits", user: User) -> None:
        self.user = user
        self.session: Session | None = None
        self._limits = limits

    def give_up(self) -> None:
        """Makes room for another session, however often it is called."""
        self._limits.remove(self)


class SessionLimits:
    """How many sessions of all transports there may be, of one user and in all.

    At a limit, a new session takes the place of the one that has been idle longest: of the same user, or of
    the user with the most sessions if that one has more. A session with a request under way is not idle. A
    gateway that is about to stop sets `closed`: it opens no new ones.
    """

    def __init__(self, most: int, most_per_user: int) -> None:
        self._room = Room(most, most_per_user)
        self._places: dict[User, set[Place]] = {}
        self.closed = False

    @property
    def total(self) -> int:
        """How many sessions there are."""
        return self._room.total

    @asynccontextmanager
    async def opening(self, user: User) -> AsyncIterator[Place]:
        """A place for a session of `user`, which is given up if the block fails. Raises `TooManySessions`."""
        ended = self._make_room(user)
        place = Place(self, user)
        self._room.add(user)
        self._places.setdefault(user, set()).add(place)
        try:
            if ended:
                await ended.end(LIMIT)
            yield place
        except BaseException:
            place.give_up()
            raise

    def remove(self, place: Place) -> None:
        places = self._places.get(place.user, set())
        if place in places:
            places.discard(place)
            self._room.remove(place.user)
        if not places:
            self._places.pop(place.user, None)

    def _make_room(self, user: User) -> Session | None:
        """The session that has to end for a new one, if one has to. Its place is free already."""
        if self.closed:
            says = "The gateway is about to restart; connect again in a moment."
            raise TooManySessions(503, says, "stopping")
        match self._room.lacks(user):
            case None:
                return None
            case Lack.OWN:
                place = self._idle_longest(user)
                if place is None:
                    raise TooManySessions(
                        429,
                        f"The user has {self._room.most_each} sessions open, each with a request under way; "
                        "wait for an answer.",
                    )
            case Lack.SHARED:
                place = self._idle_longest_of_most(user)
                if place is None:
                    raise TooManySessions(
                        503, "The gateway has as many sessions as it can serve; try again later."
                    )
        place.give_up()
        return place.session

    def _idle_longest(self, user: User) -> Place | None:
        idle = [
            place
            for place in self._places.get(user, ())
            if place.session is not None and not place.session.is_busy
        ]
        return min(idle, key=_used_at, default=None)

    def _idle_longest_of_most(self, user: User) -> Place | None:
        """An idle session of whoever has most, as long as that is more than `user` has; else of `user`."""
        own = self._room.of(user)
        others = sorted(self._places, key=self._room.of, reverse=True)
        for other in [other for other in others if self._room.of(other) > own] + [user]:
            if place := self._idle_longest(other):
                return place
        return None


def _used_at(place: Place) -> float:
    return place.session.used_at if place.session else 0.0
