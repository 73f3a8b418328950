"""One request that a tool makes to the API."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from toolbridge_mcp.client.document import JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import InvalidArguments, NoSuchOperation

COLLECTION = "/v1/{plural}"
ITEM = f"{COLLECTION}/{{uid}}"

_PLAIN_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


class Origin(NamedTuple):
    """What a request to the API says about the tool call that it is made for. The API's journal keeps it."""

    correlation_id: str
    tool: str = ""
    client: str = ""

    def headers(self) -> dict[str, str]:
        headers = {
            "X-Correlation-ID": self.correlation_id,
            "X-TB-Tool": self.tool,
            "X-TB-Client": self.client,
        }
        return {name: value for name, value in headers.items() if value}


class Wish(NamedTuple):
    """A query parameter that is sent only to an API that has the feature."""

    feature: str
    name: str
    value: str


MINIMAL = Wish("minimal", "return", "minimal")
"""The answer to a write says what was done, and has no payload."""

NO_MIRRORS = Wish("mirrors", "mirrors", "false")
"""Payloads come without the keys that the server owns: `uid`, `updatedTs` and `sync`."""

SUMMARIES = Wish("summary", "view", "summary")
"""The items of a list come without payloads, but with what a reader chooses by."""

TOTAL = Wish("total", "total", "true")
"""A list says how many items match."""


def one_value(text: str) -> str:
    """The text as the one value of a filter that may have several, with commas between them."""
    return text.replace(",", "\\,")


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Call(NamedTuple):
    """A request to the API. `route` is a path, in which {plural} and {uid} stand for the entity's plural and
    the item, such as `COLLECTION`, `ITEM` or a path below it. A parameter that `query` holds once can be
    repeated in `repeated`.
    """

    method: str
    route: str
    entity: Entity | None = None
    uid: str | None = None
    """A whole uid or a short id, with hexadecimal digits and hyphens only: it becomes part of the path."""
    query: Mapping[str, str] = _NOTHING
    repeated: tuple[tuple[str, str], ...] = ()
    body: JsonObject | None = None
    if_match: int | None = None
    wishes: tuple[Wish, ...] = ()
    of_one_item: bool = False
    """Whether it is a page of one item, which is reduced if the item is too large to be read."""

    @property
    def path(self) -> str:
        return self.route.format(plural=self.entity.plural, uid=self.uid) if self.entity else self.route

    @property
    def declared_path(self) -> str:
        """The path without the uid, as the API declares it: `/v1/notes/{uid}`."""
        return self.route.replace("{plural}", self.entity.plural) if self.entity else self.route

    @property
    def collection(self) -> Entity:
        """The entity whose items the call is about. Raises `NoSuchOperation` if it is about none."""
        if self.entity is None:
            raise NoSuchOperation
        return self.entity

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def sends_payload(self) -> bool:
        """Whether the body is a payload, or a part of it."""
        return self.route == COLLECTION or self.method in {"PUT", "PATCH"}

    def headers(self) -> dict[str, str]:
        """The headers that belong to the request itself."""
        headers = {} if self.if_match is None else {"If-Match": str(self.if_match)}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def content(self) -> bytes | None:
        """The body as compact JSON. Raises `InvalidArguments` for a value that JSON cannot hold."""
        if self.body is None:
            return None
        try:
            return _json(self.body)
        except _NotJson as error:
            raise InvalidArguments(facts={"problems": f"{_culprit(self.body)} {error}."}) from error


class _NotJson(ValueError):
    """Its text is the rest of a sentence about the value."""


def _json(value: JsonObject) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise _NotJson("is not valid Unicode") from error
    except ValueError as error:
        raise _NotJson("holds a number that is not finite") from error
    except RecursionError as error:
        raise _NotJson("is nested too deeply") from error


def _culprit(body: JsonObject) -> str:
    """The first field that JSON cannot hold."""
    for name, value in body.items():
        try:
            _json({"": value})
        except _NotJson:
            return name if _PLAIN_NAME.fullmatch(name) else "a field"
    return "the name of a field"
