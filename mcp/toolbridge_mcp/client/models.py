"""What travels between the gateway and the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

JsonObject = dict[str, Any]
"""A free-form JSON object: the API stores payloads without a schema."""


class Resource(Protocol):
    """What the client must know of an entity."""

    @property
    def kind(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def word(self) -> str: ...
    @property
    def parent_keys(self) -> tuple[str, ...]: ...


def facts_of(resource: Resource | None) -> dict[str, object]:
    """The words with which an error speaks of an item."""
    if resource is None:
        return {}
    return {"word": resource.word, "kind": resource.kind, "plural": resource.plural}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an entity's routes: to the collection, to an item, or to an action of an item."""

    method: str
    resource: Resource
    uid: UUID | None = None
    action: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = None
    if_match: int | None = None

    @property
    def path(self) -> str:
        parts = ("/v1", self.resource.plural, self.uid, self.action)
        return "/".join(str(part) for part in parts if part is not None)

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object of the API: its exact text, the same parsed once, and its size in bytes."""

    text: str
    data: JsonObject
    size: int

    @classmethod
    def parse(cls, content: bytes) -> "Document":
        """Raises ValueError if the content is not one JSON object in UTF-8, or nested beyond 200 levels."""
        text = content.decode()
        data = from_json(content, allow_inf_nan=False)
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        return cls(text, data, len(content))


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class ParentInfo(_Wire):
    """The payload keys that name an entity's parent, and the kinds it may be."""

    uid: str
    type: str | None = None
    kinds: tuple[str, ...] = ()


class EntityInfo(_Wire):
    """One entity as the API describes it. The first generation's API gives no `kind`."""

    kind: str | None = None
    archive: JsonObject = Field(default_factory=dict)
    actions: dict[str, JsonObject] = Field(default_factory=dict)
    states: tuple[str, ...] = ()
    parent: ParentInfo | None = None


class SessionInfo(_Wire):
    """How sessions are opened. `in_band` is the header value that opens one within the request."""

    in_band: str | None = None


class ServerInfo(_Wire):
    """The answer of `GET /v1/sync/info`, as far as the gateway uses it."""

    entities: dict[str, EntityInfo] = Field(default_factory=dict)
    sessions: SessionInfo = SessionInfo()
    idempotency: JsonObject | None = None

    @property
    def repeats_safely(self) -> bool:
        """Whether a write that is sent again with its `Idempotency-Key` is carried out once."""
        return self.idempotency is not None

    @property
    def first_generation(self) -> bool:
        """An API that takes conditions on PUT and PATCH only, and forgets a child's parent on PUT."""
        return not any(entity.kind for entity in self.entities.values())


class SessionDocument(_Wire):
    """A sync session, as `POST /v1/sync/sessions` returns it."""

    id: str
    epoch: int
