"""Items of any kind, as a model names them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from toolbridge_mcp.client import Call, JsonObject
from toolbridge_mcp.entities import ENTITIES, Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import BadAnswer
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.tools.caller import Caller

NAMED_ITEMS = "items"
"""The feature of an API that finds items by short ids and titles, whatever their kind."""

LOOKED_UP = 20
"""The API looks up as many items in one request."""

MAX_NAME = 300
SHOWN = 80
"""As many characters of a name are quoted."""

ENTITIES_BY_NAME: Mapping[str, Entity] = {
    name: entity for entity in ENTITIES for name in (entity.kind, entity.plural)
}
"""Each entity under its kind and its plural."""


def _one_text(value: Any) -> Any:
    """The one text of a list, or the digits of a short id that came as a number."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return str(value) if type(value) is int else value


ItemName = Annotated[str, Field(min_length=1, max_length=MAX_NAME), BeforeValidator(_one_text)]
"""What a model calls an item."""


class Named(NamedTuple):
    """An item: its entity, and its uid or the beginning of that."""

    entity: Entity
    uid: str


def named(text: str) -> Named | None:
    """The item that a text names with its kind, such as `note:3f9a01bc`; None for any other text."""
    reference = read_reference(text)
    entity = ENTITIES_BY_NAME.get(reference.kind) if reference else None
    return Named(entity, reference.uid) if reference and entity else None


class Unknown(NamedTuple):
    """Why a text names no item that is there, or not one alone. `reason` is the rest of a sentence about the
    text, and `deleted` the item if it is deleted."""

    reason: str
    deleted: Named | None = None


async def find(texts: Iterable[str], caller: Caller) -> Mapping[str, Named | Unknown]:
    """The item that each text names, by its kind and id, its id or its exact title.

    The API is asked for those whose kind is not named. Raises a `ToolBridgeError` if it fails.
    """
    found: dict[str, Named | Unknown] = {}
    unknown: list[str] = []
    for text in dict.fromkeys(texts):
        if item := named(text):
            found[text] = item
        else:
            unknown.append(text)
    for begin in range(0, len(unknown), LOOKED_UP):
        some = unknown[begin : begin + LOOKED_UP]
        answers = await _look_up(some, caller)
        found |= {text: _found(answer) for text, answer in zip(some, answers, strict=True)}
    return found


async def _look_up(texts: Sequence[str], caller: Caller) -> Sequence[JsonObject]:
    """The API's answer for each text. Payloads stay there: none fits into one byte."""
    repeated = tuple(("ref", text) for text in texts)
    call = Call("GET", "/v1/items", query={"maxBytes": "1"}, repeated=repeated)
    answers = (await caller.send(call)).data.get("items")
    if not isinstance(answers, list) or len(answers) != len(texts):
        raise BadAnswer(facts={"consequence": "nothing was changed"})
    return answers


def _found(answer: JsonObject) -> Named | Unknown:
    error = answer.get("error")
    if error is None:
        return Named(ENTITIES_BY_NAME[answer["kind"]], answer["item"]["uid"])
    details = error.get("details", {})
    match error.get("code"):
        case "ambiguous_uid":
            candidates = _listed(details, "candidates")
            return Unknown(f"names several items, send the id of one of them: {candidates}")
        case "deleted":
            item = Named(ENTITIES_BY_NAME[details["kind"]], details["uid"])
            reason = f"is deleted; op restore of batch brings it back, as {item.entity.kind}:{item.uid}"
            return Unknown(reason, item)
    near = f"; near it are {_listed(details, 'near')}" if details.get("near") else ""
    return Unknown(f"is no item of the user, by id or by exact title{near}")


def _listed(details: JsonObject, name: str) -> str:
    return ", ".join(_candidate(candidate) for candidate in details.get(name, ()))


def _candidate(candidate: JsonObject) -> str:
    title = candidate.get("title")
    item = f"{candidate.get('kind')}:{candidate.get('uid')}"
    return f"{item} {quoted(title, SHOWN)}" if isinstance(title, str) and title else item
