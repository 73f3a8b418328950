"""The sync session in which the requests of one tool call reach the API."""

from functools import lru_cache
from urllib.parse import urlencode

from pydantic import ValidationError

from toolbridge_mcp.client.call import Call, Origin, Wish
from toolbridge_mcp.client.description import ServerInfo, SessionDocument
from toolbridge_mcp.client.document import Document
from toolbridge_mcp.client.lean import lean
from toolbridge_mcp.client.reduced import page_of_edges
from toolbridge_mcp.client.upstream import NOTHING_CHANGED, Upstream
from toolbridge_mcp.errors import BadAnswer
from toolbridge_mcp.transport import Response

SESSIONS_PATH = "/v1/sync/sessions"


class InBandSession:
    """The requests of one tool call. Each opens a session of its own within itself, in one hop.

    All carry the same correlation id. It is also the key under which the API carries a write out once,
    however often it is sent.
    """

    def __init__(self, upstream: Upstream, info: ServerInfo, origin: Origin) -> None:
        self._upstream = upstream
        self._features = info.features
        self._headers = origin.headers()
        self._key = {"Idempotency-Key": origin.correlation_id}
        self.resends = 0
        """How often what is sent now has been sent before."""
        if info.sessions.in_band:
            self._headers["X-Sync-Session"] = info.sessions.in_band

    async def send(self, call: Call) -> Document:
        """Sends the request once. Raises a `ToolBridgeError` if the answer is not a document."""
        answer = await self._upstream.send(
            call.method,
            call.path + self._query(call),
            {**self._headers, **(self._key if call.writes else {}), **call.headers()},
            call.content() or b"",
            writes=call.writes,
            edges=call.of_one_item,
            route=call.declared_path,
            resends=self.resends,
        )
        if answer.whole_size:
            return page_of_edges(answer.content, answer.whole_size)
        try:
            document = Document.parse(answer.content)
        except ValueError as error:
            raise (BadAnswer() if call.writes else BadAnswer(facts=NOTHING_CHANGED)) from error
        return lean(document, call, self._features) if call.wishes else document

    def _query(self, call: Call) -> str:
        """What the request asks for, as far as the API knows it, with its question mark; empty if nothing."""
        wished = _encoded(call.wishes, self._features)
        if not call.query and not call.repeated:
            return f"?{wished}" if wished else ""
        asked = urlencode([*call.query.items(), *call.repeated])
        return f"?{asked}&{wished}" if wished else f"?{asked}"


@lru_cache(maxsize=64)
def _encoded(wishes: tuple[Wish, ...], features: frozenset[str]) -> str:
    """The wishes that an API with these features knows. Tools make them of constants: there are a few."""
    return urlencode([(wish.name, wish.value) for wish in wishes if wish.feature in features])


class OpenedSession(InBandSession):
    """The requests of one tool call, in one session that is opened before the first of them.

    It is opened with the same caller's token and never used for another tool call.
    """

    async def send(self, call: Call) -> Document:
        if "X-Sync-Session" not in self._headers:
            await self._open()
        return await super().send(call)

    async def _open(self) -> None:
        answer = await self._upstream.openings.open(self._ask_for_one)
        try:
            session = SessionDocument.model_validate_json(answer.content)
        except ValidationError as error:
            raise BadAnswer(facts=NOTHING_CHANGED) from error
        self._headers |= {"X-Sync-Session": session.id, "X-Sync-Epoch": str(session.epoch)}

    async def _ask_for_one(self) -> Response:
        return await self._upstream.send("POST", SESSIONS_PATH, self._headers, route=SESSIONS_PATH)
