"""What a second look at an item adds to an error: the refusal alone is not enough to know what to do next."""

from abc import abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from toolbridge_mcp.client import ITEM, NO_MIRRORS, Call, Document, JsonObject, field_name, value_in_words
from toolbridge_mcp.entities import BY_KIND, Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import NotFound, ParentNotFound, ToolBridgeError, VersionMismatch

MOST_FIELDS = 4
VALUE_CHARACTERS = 200
VALUES_CHARACTERS = 400
"""Of all values together: an error is read by a model that pays for it."""

Failure = TypeVar("Failure", bound=ToolBridgeError)


@dataclass(frozen=True)
class SecondLook(Generic[Failure]):
    """A call that reads, and what its answer adds to an error."""

    call: Call
    error: Failure

    @abstractmethod
    def explained(self, document: Document) -> ToolBridgeError:
        """The error with what the answer shows."""


def second_look(call: Call, error: ToolBridgeError, tool: str, features: Set[str]) -> SecondLook[Any] | None:
    """The look that may help; None if there is none. `tool` is the name of the tool that made the call."""
    if isinstance(error, VersionMismatch) and call.writes:
        return _look_at_present(call, error)
    if type(error) is NotFound and call.entity and call.uid and "items" in features:
        return OtherKind(Call("GET", "/v1/items", query={"ref": call.uid}), error, call.entity, tool)
    if isinstance(error, ParentNotFound) and call.entity and call.entity.parent and "items" in features:
        uid = (call.body or {}).get(call.entity.parent_keys[-1])
        if isinstance(uid, str) and read_reference(uid):
            return OtherParent(Call("GET", "/v1/items", query={"ref": uid}), error)
    return None


def _look_at_present(call: Call, error: VersionMismatch) -> SecondLook[Any] | None:
    """Of a call for several items, the details of the error name the one."""
    entity, uid = call.entity, call.uid
    if entity is None:
        entity = BY_KIND.get(str(error.details.get("kind")))
        uid = str(error.details.get("uid", ""))
    if entity is None or uid is None or read_reference(uid) is None:
        return None
    return PresentValues(Call("GET", ITEM, entity, uid, wishes=(NO_MIRRORS,)), error, call)


@dataclass(frozen=True)
class PresentValues(SecondLook[VersionMismatch]):
    """The item whose version was not the expected one."""

    refused: Call

    def explained(self, document: Document) -> ToolBridgeError:
        version, payload = document.data.get("version"), document.data.get("payload")
        if not isinstance(version, int) or not isinstance(payload, dict):
            return self.error
        keys = self._keys(payload)
        most = min(VALUE_CHARACTERS, VALUES_CHARACTERS // max(1, len(keys)))
        values = [f"{field_name(key)} {value_in_words(payload.get(key), most)}" for key in keys]
        present = f"Present values: {', '.join(values)}." if values else ""
        return self.error.with_facts(actual=version).with_more(present) if present else self.error

    def _keys(self, payload: JsonObject) -> Sequence[str]:
        """The fields that changed since, and those that the call would have written."""
        changes = self.error.details.get("changes")
        changed = [
            field
            for change in reversed(changes if isinstance(changes, list) else [])
            if isinstance(change, dict)
            for field in change.get("fields") or ()
        ]
        written = [*(self.refused.body or {})] if self.refused.sends_payload else []
        return [key for key in dict.fromkeys((*changed, *written)) if key in payload][:MOST_FIELDS]


@dataclass(frozen=True)
class OtherKind(SecondLook[NotFound]):
    """Whether the id is that of an item of another kind."""

    entity: Entity
    tool: str

    def explained(self, document: Document) -> ToolBridgeError:
        other = _found(document)
        if other is None or other is self.entity:
            return self.error
        verb = self.tool.removesuffix(self.entity.kind)
        sibling = f"{verb}{other.kind}" if verb.endswith("_") else "the tools for it"
        return self.error.with_more(f"It is the id of a {other.words['word']}: use {sibling}.")


@dataclass(frozen=True)
class OtherParent(SecondLook[ParentNotFound]):
    """Whether the id of the parent is that of an item of another kind than was said."""

    def explained(self, document: Document) -> ToolBridgeError:
        other = _found(document)
        return self.error.with_more(f"It is the id of a {other.words['word']}.") if other else self.error


def _found(document: Document) -> Entity | None:
    """The entity of the one item that was asked for; None if there is none."""
    found = document.data.get("items")
    item = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
    return BY_KIND.get(str(item.get("kind")))
