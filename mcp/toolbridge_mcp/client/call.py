"""One request that a tool makes to the API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from toolbridge_mcp.client.document import JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.errors import InvalidArguments

COLLECTION = "/v1/{plural}"
ITEM = f"{COLLECTION}/{{uid}}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one of an entity's routes. `route` is `COLLECTION`, `ITEM` or a path below it."""

    method: str
    route: str
    entity: Entity
    uid: UUID | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = None
    if_match: int | None = None

    @property
    def path(self) -> str:
        return self.route.format(plural=self.entity.plural, uid=self.uid)

    @property
    def writes(self) -> bool:
        return self.method != "GET"

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
            return json.dumps(self.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (ValueError, RecursionError) as error:
            problem = "a number is not finite, a text is not valid Unicode, or the nesting is too deep."
            raise InvalidArguments(facts={"problems": problem}) from error
