"""One of the two APIs, as one user."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
from pydantic import ValidationError

from toolbridge_mcp.cli.copying.payloads import Item, dump, parse
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.client.description import ServerInfo, SignatureInfo
from toolbridge_mcp.client.refusals import refusal
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import SignInRequired, TenantRefused, ToolBridgeError
from toolbridge_mcp.http_clients import client_for
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.retry_after import retry_after_seconds
from toolbridge_mcp.transport import PROCESS, Request, Response, Signer, unsign

SECONDS = 60
ATTEMPTS = 8
MAX_PAUSE = 30
AGAIN = frozenset({408, 429, 502, 503, 504})
NEW_SESSION = frozenset({403, 409, 428})
ABOUT_AN_ITEM = frozenset({200, 400, 413, 422, 500})
"""Answers to a push that one of its items may have caused."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Most that is held of an answer. A longer page is asked for again with fewer items."""

GOOD_PAGE_BYTES = 4 * 1024 * 1024
MOST_ITEMS = 200
MOST_BYTES = 1_000_000
"""Of one push, unless a single item is larger."""


@dataclass(frozen=True)
class Place:
    """Where an API is, and how it knows its tenant."""

    url: str
    tenant: str
    keyring: Keyring = field(repr=False)


class Acknowledgement(NamedTuple):
    """What became of one pushed item: the stored time, or why it was refused."""

    uid: str
    updated_at: str
    error: str


class TooLong(Exception):
    """The answer is longer than is held of one."""


class Side:
    """An async context manager. Every method raises `Failure` when the API cannot be used any more; waits,
    new sessions and repetitions are its own matter. All of them may be repeated: a push is by its nature."""

    user: str
    """The API's own name of the user."""

    def __init__(self, place: Place, token: str) -> None:
        self.place = place
        self._signer = Signer(place.keyring, place.tenant)
        self._http = client_for([place.url], SECONDS, place.url)
        self._http.auth = _Signed(self._signer, token)
        self._session: Mapping[str, str] = {}
        self._items = MOST_ITEMS
        self._push_items, self._push_bytes = MOST_ITEMS, MOST_BYTES

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        try:
            await self._begin()
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def _begin(self) -> None:
        info = await self._json("GET", "/v1/sync/info")
        self._signer.described(_signatures(info))
        limits = info.get("limits") or {}
        self._push_items = min(MOST_ITEMS, limits.get("maxPushItems", MOST_ITEMS))
        self._push_bytes = min(MOST_BYTES, limits.get("maxBodyBytes", MOST_BYTES) - 1_000)
        await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def pages(self, entity: Entity, cursor: str | None) -> AsyncIterator[tuple[list[Item], str | None]]:
        """The items behind the cursor, tombstones included, with the cursor behind each page."""
        while True:
            page = await self._page(entity, cursor)
            shown = page.get("items") or []
            following = page.get("nextCursor") if shown else None
            cursor = following or cursor
            if shown:
                yield [await self._whole(entity, item) for item in shown], cursor
            if following is None:
                return

    async def item(self, entity: Entity, uid: str) -> Item | None:
        answer = await self._send("GET", f"/v1/{entity.plural}/{uid}", params={"includeDeleted": "true"})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return Item.of(parse(_good(self, answer).content))

    async def push(self, entity: Entity, payloads: list[JsonObject]) -> list[Acknowledgement]:
        """An acknowledgement for each, in the order given. When the API refuses a whole batch, its items are
        sent one by one."""
        acknowledged: list[Acknowledgement] = []
        for batch in self._batches(payloads):
            acknowledged += await self._push(entity, batch)
        return acknowledged

    def _batches(self, payloads: list[JsonObject]) -> list[list[JsonObject]]:
        batches: list[list[JsonObject]] = []
        room = 0
        for payload in payloads:
            size = len(dump(payload)) + 1
            if not batches or size > room or len(batches[-1]) >= self._push_items:
                batches.append([])
                room = self._push_bytes
            batches[-1].append(payload)
            room -= size
        return batches

    async def _push(self, entity: Entity, batch: list[JsonObject]) -> list[Acknowledgement]:
        answer = await self._send("POST", f"/v1/sync/{entity.plural}/push", content=dump({"items": batch}))
        if answer.is_success:
            given = [entry if isinstance(entry, dict) else {} for entry in parse(answer.content)]
            if len(given) == len(batch):
                return [
                    Acknowledgement(sent["uid"], entry.get("updatedAt", ""), entry.get("error", ""))
                    for sent, entry in zip(batch, given, strict=True)
                ]
        if answer.status_code not in ABOUT_AN_ITEM:
            _good(self, answer)
        if len(batch) > 1:
            return [entry for payload in batch for entry in await self._push(entity, [payload])]
        return [Acknowledgement(batch[0]["uid"], "", _reason(answer))]

    async def _page(self, entity: Entity, cursor: str | None) -> JsonObject:
        while True:
            query = {"limit": str(self._items), "includeDeleted": "true"}
            if cursor:
                query["cursor"] = cursor
            try:
                answer = await self._send("GET", f"/v1/{entity.plural}", params=query)
            except TooLong:
                if self._items == 1:
                    raise Failure(
                        f"{self.place.url} has a {entity.words['word']} of more than {MAX_ANSWER_BYTES} "
                        "bytes; shorten or delete it there, and run this again."
                    ) from None
                self._items = max(1, self._items // 8)
                continue
            if answer.status_code == httpx.codes.BAD_REQUEST and cursor:
                cursor = None  # of a list that is no more: from the beginning, then
                continue
            size = len(_good(self, answer).content)
            self._items = max(1, self._items // 2) if size > GOOD_PAGE_BYTES else self._items
            page: JsonObject = parse(answer.content)
            return page

    async def _whole(self, entity: Entity, shown: JsonObject) -> Item:
        """A list may leave out the payload of a very large item."""
        if isinstance(shown.get("payload"), dict):
            return Item.of(shown)
        whole = await self.item(entity, shown["uid"])
        if whole is None:
            raise Failure(f"{self.place.url} lists {shown['uid']} but does not have it; run this again.")
        return whole

    async def _open(self) -> None:
        session = await self._json("POST", "/v1/sync/sessions")
        self._session = {"X-Sync-Session": session["id"], "X-Sync-Epoch": str(session["epoch"])}
        self.user = str(session.get("userId", ""))

    async def _json(self, method: str, path: str) -> JsonObject:
        answer = _good(self, await self._send(method, path, renew=False))
        try:
            content = parse(answer.content)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Failure(f"{self.place.url} does not answer as the API does; look at what listens there.")
        return content

    async def _send(self, method: str, path: str, *, renew: bool = True, **parts: Any) -> httpx.Response:
        """The answer to a request that is repeated while that may help."""
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._receive(method, path, **parts)
            except httpx.TransportError:
                if attempt + 1 == ATTEMPTS:
                    raise Failure(
                        f"{self.place.url} does not answer; run this again later, and it goes on here."
                    ) from None
                await asyncio.sleep(_pause(attempt, None))
                continue
            if renew and answer.status_code in NEW_SESSION and attempt == 0:
                await self._open()
            elif answer.status_code in AGAIN and attempt + 1 < ATTEMPTS:
                await asyncio.sleep(_pause(attempt, answer))
            else:
                return answer
        return answer

    async def _receive(self, method: str, path: str, **parts: Any) -> httpx.Response:
        request = self._http.build_request(method, path, headers=self._session, **parts)
        answer = await self._http.send(request, stream=True)
        chunks, left = [], MAX_ANSWER_BYTES
        try:
            async for chunk in answer.aiter_bytes():
                left -= len(chunk)
                if left < 0:
                    raise TooLong
                chunks.append(chunk)
        finally:
            await answer.aclose()
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in _ENCODING]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(chunks))


_ENCODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def _signatures(info: JsonObject) -> SignatureInfo | None:
    try:
        return ServerInfo.model_validate(info).signatures
    except ValidationError:
        return None


class _Signed(httpx.Auth):
    """Adds the user's token, and signs every request anew; once more if the API names another process.

    `TenantTransport` does so too, but takes no answer of more than 5 MiB: an older API has longer ones, and
    items that must be copied all the same.
    """

    requires_request_body = True

    def __init__(self, signer: Signer, token: str) -> None:
        self._signer, self._token = signer, token

    async def async_auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        known = self._signer.process
        answer = yield self._sign(request)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._signer.learn(
            answer.headers.get(PROCESS, ""), known
        ):
            yield self._sign(request)

    def _sign(self, request: httpx.Request) -> httpx.Request:
        target = request.url.raw_path.decode("ascii")
        sent = Request(request.method, target, request.headers, request.content)
        unsign(sent)
        request.headers.update(self._signer.headers(sent))
        return request


def _pause(attempt: int, answer: httpx.Response | None) -> float:
    asked = retry_after_seconds(answer.headers.get("Retry-After", "")) if answer is not None else None
    return min(MAX_PAUSE, 0.5 * 2**attempt if asked is None else max(asked, 0.1))


def _good(side: Side, answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    error = _refusal(answer)
    where = side.place.url
    if isinstance(error, TenantRefused):
        raise Failure(
            f"{where} refuses the tenant's signature; correct TENANT_ID and the tenant's keys of this side, "
            "or the clock."
        )
    if isinstance(error, SignInRequired):
        raise Failure(f"{where} refuses the user's token; get a new one and run this again: it goes on here.")
    raise Failure(f"{where} answers {answer.status_code}{_said(error.message)}; look at its log.")


def _reason(answer: httpx.Response) -> str:
    return f"the API answers {answer.status_code}{_said(_refusal(answer).message if answer.is_error else '')}"


def _refusal(answer: httpx.Response) -> ToolBridgeError:
    fields = [(name.lower(), value) for name, value in answer.headers.raw]
    return refusal(Response(answer.status_code, fields, answer.content))


def _said(message: str) -> str:
    return f' and says "{message}"' if message else ""
