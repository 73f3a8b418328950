"""The tool that takes a write back."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.alias_generators import to_snake

from toolbridge_mcp.client import Call, JsonObject
from toolbridge_mcp.entities.entity import Maybe
from toolbridge_mcp.rendering import quoted, short_id, word
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import writes
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.references import ENTITIES_BY_NAME
from toolbridge_mcp.tools.work.texts import of_a_write
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MAX_LINES = 30
FEW = 3
"""As many items are named of those that have one line together."""

MAX_FIELDS = 10
TITLE_CHARACTERS = 40

_INSTEAD = {"created": "deleted", "deleted": "brought back"}
"""What becomes of an item when such a change is undone."""

_CHANGE = re.compile(r"(?:undo\s+)?(?:change(?:_id)?\s*[=:]?\s*)?(?P<id>[bc][0-9]{1,18})\.?", re.IGNORECASE)


def _bare_id(value: Any) -> Any:
    """The id in `undo change=c41`, as answers show it. A number alone may be that of a change or a batch."""
    if type(value) is int:
        return str(value)
    found = _CHANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    return found["id"].lower() if found else value


def _an_id(text: str) -> str:
    if not _CHANGE.fullmatch(text):
        raise ValueError("should be the id of a change or of a batch, such as c41 or b41")
    return text


class UndoArguments(WorkArguments):
    change: Maybe[Annotated[str, BeforeValidator(_bare_id), AfterValidator(_an_id)]] = Field(
        default=None, description="c41 or b41; default: your last write"
    )
    dry_run: bool = False

    async def carry_out(self, caller: Caller) -> Result:
        query = {"dryRun": "true"} if self.dry_run else {}
        done = (await caller.send(Call("POST", "/v1/undo", query=query, body=self._body()))).data
        return of_a_write(lambda: _shown(done, dry_run=self.dry_run))

    def _body(self) -> JsonObject:
        if self.change is None:
            return {"last": True}
        return {"batch_id" if self.change.startswith("b") else "change_id": self.change}


def _shown(done: Mapping[str, Any], *, dry_run: bool) -> str:
    """What was taken back, and how to take that back."""
    undone, unchanged = done["undone"], done["unchanged"]
    if not undone:
        return f"Nothing to undo: {_ids(unchanged)} was undone before, or changed nothing that is left."
    changes = f"{len(undone)} {'change' if len(undone) == 1 else 'changes'}"
    said = f"Undone: {changes}."
    if dry_run:
        said = f"Dry run, nothing was stored. It would undo {changes}:"
    elif batch := done.get("batch_id"):
        said = f"{said} To redo: undo change={batch}"
    lines = _lines(undone)
    if (left_out := len(lines) - MAX_LINES) > 0:
        lines[MAX_LINES:] = [f"and {left_out} more lines"]
    if unchanged:
        lines.append(f"Already as before: {_ids(unchanged)}")
    return "\n".join([said, *lines])


def _lines(undone: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each change, but one for many items of a kind to which the same was done."""
    alike: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in undone:
        alike.setdefault((one["kind"], _what(one)), []).append(one)
    lines: list[str] = []
    for (kind, what), some in alike.items():
        if len(some) <= FEW:
            lines += [f"{one['undoes']} {kind}:{_item(one, version=True)}: {what}" for one in some]
        else:
            named = ", ".join(_item(one) for one in some[:FEW])
            entity = ENTITIES_BY_NAME.get(kind)
            words = entity.words["words"] if entity else f"items of kind {word(kind)}"
            lines.append(f"{len(some)} {words}: {what}: {named} and {len(some) - FEW} more")
    return lines


def _item(one: Mapping[str, Any], *, version: bool = False) -> str:
    title = [quoted(one["title"], TITLE_CHARACTERS)] if one.get("title") else []
    return " ".join([short_id(one["uid"]), *([f"v{one['version']}"] if version else []), *title])


def _what(one: Mapping[str, Any]) -> str:
    return _INSTEAD.get(one.get("change", "")) or _fields(one["fields"])


def _fields(keys: Sequence[str]) -> str:
    """The fields that have their values from before."""
    names = [word(to_snake(key)) for key in keys[:MAX_FIELDS]]
    return f"{', '.join(names)}{' and others' if len(keys) > MAX_FIELDS else ''} as before"


def _ids(changes: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(str(one["undoes"]) for one in changes[:MAX_FIELDS])
    return f"{shown}, …" if len(changes) > MAX_FIELDS else shown


UNDO = Work(
    name="undo",
    about="Undo, revert, take back a change, a deletion or a whole batch. Later changes of other fields "
    "stay.",
    arguments=UndoArguments,
    hints=writes(destroys=True, repeatable=False),
    needs=frozenset({"undo", "undoLast", "dryRun"}),
)
