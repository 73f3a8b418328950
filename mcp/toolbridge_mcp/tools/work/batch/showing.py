"""What a batch did, in a line for each operation."""

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from pydantic.alias_generators import to_snake

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.rendering import Summary, quoted, short_ids, word
from toolbridge_mcp.tools.undeclared import hint
from toolbridge_mcp.tools.work.references import ENTITIES_BY_NAME

MAX_IDS = 10
"""As many ids of one operation are shown."""

Ids: TypeAlias = Mapping[tuple[str, str], str]
"""What is shown for each kind and uid."""

MAX_FIELDS = 6
TITLE_CHARACTERS = 40
MAX_HINTS = 5
_MADE = re.compile(r"\$[1-9][0-9]{0,2}(?![.,]?[0-9])")
"""An item that an operation makes. Where digits follow, it is a price."""

NO_TITLES: Mapping[str, str] = MappingProxyType({})


def shown(
    done: JsonObject, sent: Sequence[JsonObject], *, dry_run: bool, titles: Mapping[str, str] = NO_TITLES
) -> str:
    """`sent` are the operations as they were sent, and `titles` those of some items, by `kind:uid`."""
    results: Sequence[JsonObject] = done["results"]
    ids = _ids(results)
    lines = [
        f"{number} {_line(result, operation, ids, titles, dry_run=dry_run)}"
        for number, (result, operation) in enumerate(zip(results, sent, strict=True), 1)
    ]
    lines += _hints(sent, "would be stored" if dry_run else "was stored")
    if dry_run:
        return "\n".join(["Dry run, nothing was stored. It would do:", *lines])
    batch = done.get("batch_id")
    return "\n".join([*lines, f"Undo all: undo change={batch}" if batch else "Nothing was changed."])


def shown_matches(done: JsonObject, most: int) -> list[str]:
    """The first items that match each `where` and would be changed, as `kind:uid`: as many of each, `most` in
    all at the most. Empty if the answer cannot be read."""
    try:
        several = [result for result in done["results"] if "items" in result]
        each = max(1, min(MAX_IDS, most // max(1, len(several))))
        names = [
            f"{result['kind']}:{one['uid']}"
            for result in several
            for one in [one for one in result["items"] if one["changed"]][:each]
        ]
    except (LookupError, TypeError):
        return []
    return list(dict.fromkeys(names))[:most]


def _hints(sent: Sequence[JsonObject], stored: str) -> list[str]:
    """What the model should know of an operation that did what it said, but perhaps not what it meant."""
    found: list[str] = []
    made: set[str] = set()
    for number, operation in enumerate(sent, 1):
        entity, payload = ENTITIES_BY_NAME[operation["kind"]], operation.get("payload")
        said = [hint(payload, entity, stored)] if payload else []
        if made and (name := _item_in_text(operation, entity, made)):
            said.append(f"{name} in its text {stored} as it is: it names an item only as item or parent.")
        if any(said):
            found.append(f"operation {number}: {' '.join(filter(None, said))}")
        if operation["op"] == "create":
            made.add(f"${number}")
        if len(found) == MAX_HINTS:
            break
    return found


def _item_in_text(operation: JsonObject, entity: Entity, made: Collection[str]) -> str:
    """The first text such as `$1` in what the operation writes that was meant for an item made before."""
    payload = operation.get("payload") or {}
    edits = operation.get("edits") or ()
    texts = [value for key, value in payload.items() if key not in entity.parent_keys]
    texts += [operation.get("append"), operation.get("prepend"), *(edit.get("replace") for edit in edits)]
    names = (found[0] for text in texts if isinstance(text, str) for found in _MADE.finditer(text))
    return next((name for name in names if name in made), "")


def _ids(results: Sequence[JsonObject]) -> Ids:
    """The ids that are shown, by uid: with so many digits that those of all items of the batch differ."""
    return short_ids(
        [
            Summary(kind=result["kind"], uid=one["uid"])
            for result in results
            for one in result.get("items", [result])
        ]
    )


def _line(
    result: JsonObject, operation: JsonObject, ids: Ids, titles: Mapping[str, str], *, dry_run: bool
) -> str:
    entity = ENTITIES_BY_NAME[result["kind"]]
    what = " ".join(part for part in (result["op"], operation.get("action")) if part)
    if "items" in result:
        return f"{what} {entity.kind}: {_matches(result, ids, titles)}"
    if result["op"] == "create" and dry_run:
        return " ".join([what, entity.kind, *_title(operation, entity)])
    item = f"{what} {entity.kind}:{ids[result['kind'], result['uid']]} v{result['version']}"
    if not result["changed"]:
        return f"{item} unchanged"
    return " ".join(
        [item, *(_title(operation, entity) if result["op"] == "create" else _fields(result, entity))]
    )


def _matches(result: JsonObject, ids: Ids, titles: Mapping[str, str]) -> str:
    """How many items matched, and the first of those that were changed."""
    kind = result["kind"]
    uids = [one["uid"] for one in result["items"] if one["changed"]]
    changed = [" ".join([ids[kind, uid], *_quoted(titles.get(f"{kind}:{uid}"))]) for uid in uids]
    unchanged = result["matched"] - len(changed)
    said = f"{result['matched']} matched"
    if unchanged and result["matched"]:
        said = f"{said}, {unchanged} unchanged"
    if changed:
        left_out = len(changed) - MAX_IDS
        said = f"{said}: {', '.join(changed[:MAX_IDS])}{f' and {left_out} more' if left_out > 0 else ''}"
    return said


def _title(operation: JsonObject, entity: Entity) -> Sequence[str]:
    """The title of a new item, or the beginning of its text."""
    payload: Mapping[str, Any] = operation["payload"]
    return _quoted(payload.get(entity.keys[entity.title or entity.text]))


def _quoted(text: Any) -> Sequence[str]:
    return [quoted(text, TITLE_CHARACTERS)] if isinstance(text, str) and text else []


def _fields(result: JsonObject, entity: Entity) -> Sequence[str]:
    """The fields that changed, if the API says so."""
    fields = [entity.names.get(key) or word(to_snake(key)) for key in result.get("fields", ())]
    if len(fields) > MAX_FIELDS:
        fields[MAX_FIELDS:] = ["…"]
    return [f"({', '.join(fields)})"] if fields else []
