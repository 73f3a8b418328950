"""The tool `batch`."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema, model_validator

from toolbridge_mcp.client import Call, JsonObject
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.entities.entity import FromJson
from toolbridge_mcp.entities.leniency import squeezed
from toolbridge_mcp.errors import Deleted, NotFound, ToolBridgeError
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import writes
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.batch.draft import EXAMPLE
from toolbridge_mcp.tools.work.batch.reading import Reading
from toolbridge_mcp.tools.work.batch.rows import ROWS
from toolbridge_mcp.tools.work.batch.showing import shown, shown_matches
from toolbridge_mcp.tools.work.references import LOOKED_UP, NAMED_ITEMS, find, titles
from toolbridge_mcp.tools.work.texts import of_a_write
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MAX_OPERATIONS = 100

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_EDIT = {"type": "object", "properties": {"find": _TEXT, "replace": _TEXT}}
_PROPERTIES: dict[str, Any] = {
    "op": {"type": "string", "enum": [*ROWS]},
    "kind": {"type": "string", "enum": [entity.kind for entity in ENTITIES]},
    "item": {"type": "string", "description": "note:3f9a01bc, or $1: made by operation 1"},
    "where": {
        "type": "object",
        "properties": {"tag": _TEXT, "status": _TEXT},
        "description": "Not item but all matches; also status_not, due_before, priority, archived",
    },
    "at_most": {"type": "integer", "description": "Fail if more match"},
    "fields": {
        "type": "object",
        "properties": {"title": _TEXT},
        "description": "To create, patch or replace; parent_uid may be $1",
    },
    "action": {"type": "string", "description": "To process: complete, pin"},
    "add": {**_TEXTS, "description": "Tags"},
    "remove": _TEXTS,
    "edits": {"type": "array", "items": _EDIT},
    "append": _TEXT,
    "version": {"type": "integer", "description": "To restore"},
    "if_match": {"type": "integer"},
}
_OPERATION = {"type": "object", "properties": _PROPERTIES, "required": ["op"]}


def _listed(value: Any) -> Any:
    """A list for one operation. Raises ValueError for what is no list."""
    if isinstance(value, list | dict):
        return value if isinstance(value, list) else [value]
    raise ValueError(f"should be a list such as [{EXAMPLE}]")


def _so_many(operations: list[Any]) -> list[Any]:
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise ValueError(f"should have 1 to {MAX_OPERATIONS} operations, not {len(operations)}")
    return operations


Operations = Annotated[
    list[Any],
    AfterValidator(_so_many),
    BeforeValidator(_listed),
    FromJson,
    WithJsonSchema({"type": "array", "items": _OPERATION}),
]


class BatchArguments(WorkArguments):
    EXAMPLE: ClassVar[str] = f'{{"operations": [{EXAMPLE}]}}'

    operations: Operations
    dry_run: bool = False

    @model_validator(mode="before")
    @classmethod
    def _with_the_only_operation(cls, value: Any) -> Any:
        """With the operation in a list, where its members are the arguments."""
        if not isinstance(value, dict) or "operations" in value or "op" not in value:
            return value
        operation = {name: given for name, given in value.items() if squeezed(name) != "dryrun"}
        return {**{name: value[name] for name in value if name not in operation}, "operations": [operation]}

    async def carry_out(self, caller: Caller) -> Result:
        reading = Reading(self.operations, caller.zone)
        if wanted := reading.wanted():
            reading.take(await find(wanted, caller))
        sent = reading.sendable()
        done = await self._done(sent, caller)
        if not self.dry_run:
            return of_a_write(lambda: shown(done, sent, dry_run=False))
        matches = await titles(shown_matches(done, LOOKED_UP), caller)
        return of_a_write(lambda: shown(done, sent, dry_run=True, titles=matches))

    async def _done(self, sent: Sequence[JsonObject], caller: Caller) -> JsonObject:
        query = {"dryRun": "true"} if self.dry_run else {}
        call = Call("POST", "/v1/batch", query=query, body={"operations": [*sent]})
        try:
            return (await caller.send(call)).data
        except (NotFound, Deleted) as error:  # they say nothing of the other operations
            refused: ToolBridgeError = error
        # Not chained: a chain of errors would refer to the frames of each until the next full collection.
        raise refused.with_more("Nothing was written.").with_traceback(refused.__traceback__)


BATCH = Work(
    name="batch",
    about="Change many items at once, all or nothing: complete, rename a tag everywhere, move, edit, "
    "archive, delete, bring back, create. With where, no listing is needed.",
    arguments=BatchArguments,
    hints=writes(destroys=True, repeatable=False),
    needs=frozenset({"batch", "dryRun", NAMED_ITEMS}),
)
