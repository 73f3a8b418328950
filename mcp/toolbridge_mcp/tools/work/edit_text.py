"""The tool that changes a part of a stored text."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_snake

from toolbridge_mcp.client import ITEM, MINIMAL, Call, JsonObject
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.entity import Arguments, FromJson, Maybe, Number
from toolbridge_mcp.entities.leniency import LONGEST_NAME, names_of, squeezed
from toolbridge_mcp.entities.schema import published_schema
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.rendering import fenced, short_id
from toolbridge_mcp.tools.arguments import Version
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import writes
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.references import NAMED_ITEMS, ItemName, Unknown, find
from toolbridge_mcp.tools.work.texts import of_a_write
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MAX_EDITS = 100


class Edit(Arguments):
    find: str = Field(description="Exact text", min_length=1)
    replace: str
    count: Number = Field(default=1, ge=1, le=1000, description="How often it occurs")


def _one_alone(value: Any) -> Any:
    """A list for one edit."""
    return [value] if isinstance(value, dict) else value


def _so_many(edits: list[Edit]) -> list[Edit]:
    if len(edits) > MAX_EDITS:
        raise ValueError(f"should have at most {MAX_EDITS} edits, not {len(edits)}")
    return edits


def with_the_only_edit(given: JsonObject) -> JsonObject:
    """With `find` and `replace` in an edit, where they are arguments of their own."""
    known = names_of(Edit)
    edit = {name: value for name, value in given.items() if squeezed(name) in known}
    if "edits" in given or not any(known[squeezed(name)].declared == "find" for name in edit):
        return given
    return {**{name: value for name, value in given.items() if name not in edit}, "edits": [edit]}


class TextEdit(Arguments):
    # No docstring: pydantic would put it into the published schema of what inherits it.
    edits: Maybe[Annotated[list[Edit], AfterValidator(_so_many), BeforeValidator(_one_alone), FromJson]] = (
        None
    )
    append: Maybe[str] = None
    prepend: Maybe[str] = None
    heading: Maybe[str] = Field(default=None, description="Section to append to")
    field: Maybe[str] = Field(default=None, description="Default: the item's text")

    @model_validator(mode="before")
    @classmethod
    def _with_the_only_edit(cls, value: Any) -> Any:
        return with_the_only_edit(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _changes_something(self) -> "TextEdit":
        if not self.edits and self.append is None and self.prepend is None:
            raise ValueError("should have edits, append or prepend")
        if self.heading is not None and self.append is None:
            raise ValueError("heading says where append goes: give append too")
        return self

    def members(self, entity: Entity) -> JsonObject:
        """The body of the API's edit of an item of this entity."""
        given: JsonObject = self.model_dump(include=set(TextEdit.model_fields), exclude_none=True)
        return given if self.field is None else {**given, "field": _key(self.field, entity)}


def _key(field: str, entity: Entity) -> str:
    """The payload key of a field. Raises `InvalidArguments` for one that holds no text, and for a name that
    is nearly a declared one: the API would begin a new text under it."""
    known = names_of(entity.fields).get(squeezed(field))
    texts = _texts(entity)
    if known and known.declared in texts:
        return entity.keys[known.declared]
    near = get_close_matches(field[:LONGEST_NAME], entity.fields.model_fields, n=1, cutoff=0.8)
    if known or near:
        meant = f"; did you mean {near[0]}?" if near and near[0] in texts else "."
        problem = f"field should be a text of a {entity.words['word']}, such as {', '.join(texts)}{meant}"
        raise InvalidArguments(facts={"problems": problem})
    return field


@cache
def _texts(entity: Entity) -> tuple[str, ...]:
    """The declared fields with any text."""
    parent = entity.parent.fields if entity.parent else ()
    properties = published_schema(entity.fields)["properties"]
    return tuple(
        name
        for name, schema in properties.items()
        if schema["type"] == "string" and "enum" not in schema and name not in parent
    )


class EditArguments(TextEdit, WorkArguments):
    EXAMPLE: ClassVar[str] = '{"item": "note:3f9a01bc", "edits": [{"find": "milk", "replace": "bread"}]}'

    item: ItemName = Field(description="note:3f9a01bc or exact title")
    if_match: Maybe[Version] = None
    dry_run: bool = False

    async def carry_out(self, caller: Caller) -> Result:
        item = (await find([self.item], caller))[self.item]
        if isinstance(item, Unknown):
            raise InvalidArguments(facts={"problems": item.reason})
        query = {"dryRun": "true"} if self.dry_run else {}
        body = self.members(item.entity)
        call = Call(
            "POST",
            f"{ITEM}/edit",
            item.entity,
            item.uid,
            query=query,
            body=body,
            if_match=self.if_match,
            wishes=(MINIMAL,),
        )
        done = (await caller.send(call)).data
        return of_a_write(lambda: _shown(item.entity, done, dry_run=self.dry_run))


def _shown(entity: Entity, done: Mapping[str, Any], *, dry_run: bool) -> str:
    """What the edit did: the version that it made, the lines that it changed, and how to undo it."""
    item = f"{entity.kind}:{short_id(done['uid'])}"
    if done["change"] == "none":
        return f"{item} v{done['version']} is unchanged: its text is already so."
    said = f"{item} v{done['version']}: {to_snake(done['field'])} changed."
    if dry_run:
        said = f"Dry run, nothing was stored. It would be {said}"
    elif change := done.get("change_id"):
        said = f"{said} Undo: undo change={change}"
    return f"{said}\n{fenced(done['diff'], 'diff')}"


EDIT_TEXT = Work(
    name="edit_text",
    about="Fix, replace, add or append text in a note or other item without sending all of it.",
    arguments=EditArguments,
    hints=writes(destroys=True, repeatable=False),
    needs=frozenset({"edit", "dryRun", MINIMAL.feature, NAMED_ITEMS}),
)
