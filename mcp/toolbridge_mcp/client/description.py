"""What the API says about itself, and the sessions that it opens."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from toolbridge_mcp.client.document import JsonObject


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class ParentInfo(_Wire):
    """The payload keys that name an entity's parent, and the kinds it may be."""

    uid: str
    type: str | None = None
    kinds: tuple[str, ...] = ()


class EntityInfo(_Wire):
    """One entity as the API describes it. The first generation's API gives no `kind`, but a `maxLimit`: pages
    of a list hold fewer items only at its end, if no more are asked for."""

    kind: str | None = None
    max_limit: int = 0
    archive: JsonObject = Field(default_factory=dict)
    actions: dict[str, JsonObject] = Field(default_factory=dict)
    states: tuple[str, ...] = ()
    formats: dict[str, str] = Field(default_factory=dict)
    title: str | None = None
    text: tuple[str, ...] = ()
    parent: ParentInfo | None = None


class OperationInfo(_Wire):
    """One operation on the items of every entity, as the API's contract lists it."""

    method: str
    path: str
    writes: bool
    conditional: bool


class SessionInfo(_Wire):
    """How sessions are opened. `in_band` is the header value that opens one within the request."""

    in_band: str | None = None


class SignatureInfo(_Wire):
    """The signatures that the API takes: of which versions, for which of its processes, and with which keys,
    by their ids."""

    versions: tuple[str, ...] = ()
    process: str = ""
    keys: tuple[str, ...] = ()


class ServerInfo(_Wire):
    """The answer of `GET /v1/sync/info`, as far as the gateway uses it."""

    entities: dict[str, EntityInfo] = Field(default_factory=dict)
    sessions: SessionInfo = SessionInfo()
    signatures: SignatureInfo | None = None
    """None if the API is older than the second version of the signature."""
    idempotency: JsonObject | None = None
    limits: JsonObject = Field(default_factory=dict)
    features: frozenset[str] = frozenset()
    """What an older API may lack, such as `search`."""

    login: bool = False
    """Whether it keeps accounts, and makes the tokens that the gateway gives out."""

    @property
    def repeats_safely(self) -> bool:
        """Whether a write that is sent again with its `Idempotency-Key` is carried out once."""
        return self.idempotency is not None

    @property
    def first_generation(self) -> bool:
        """Whether the API is of the first generation, which does not describe its entities."""
        return not any(entity.kind for entity in self.entities.values())


class SessionDocument(_Wire):
    """A sync session, as `POST /v1/sync/sessions` returns it."""

    id: str
    epoch: int
