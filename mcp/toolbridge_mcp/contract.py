"""Whether the declarations here and the API's tables say the same: entities, operations and error codes."""

from collections.abc import Iterable, Iterator, Mapping

from toolbridge_mcp.client.codes import CODES
from toolbridge_mcp.client.description import EntityInfo, OperationInfo, ServerInfo
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.tools.operations import Operation


def mismatches(entities: Iterable[Entity], description: ServerInfo) -> list[str]:
    """One sentence for each difference in the entities; empty when both halves agree.

    An API that does not describe its entities (the first generation) can only be asked for their names.
    """
    return [
        sentence
        for entity in entities
        for sentence in _differences(entity, description.entities.get(entity.plural))
    ]


def operation_mismatches(
    operations: Iterable[Operation], described: Mapping[str, OperationInfo]
) -> list[str]:
    """One sentence for each operation that only one half has, or that differs in what it does."""
    here = {
        f"{operation.method} {operation.route}": (operation.writes, operation.conditional)
        for operation in operations
    }
    there = {f"{info.method} {info.path}": (info.writes, info.conditional) for info in described.values()}
    return [
        *(f"The API has no {route}." for route in sorted(here.keys() - there.keys())),
        *(f"No operation here is {route}." for route in sorted(there.keys() - here.keys())),
        *(
            f"{route}: writes and takes conditions {here[route]} here, {there[route]} in the API."
            for route in sorted(here.keys() & there.keys())
            if here[route] != there[route]
        ),
    ]


def code_mismatches(described: Mapping[str, int]) -> list[str]:
    """One sentence for each error code that only one half knows, or that has another status there."""
    here = {code: meaning.status for code, meaning in CODES.items()}
    return [
        *(f"The API has no error code {code}." for code in sorted(here.keys() - described.keys())),
        *(
            f"The API's error code {code} is not known here."
            for code in sorted(described.keys() - here.keys())
        ),
        *(
            f"{code}: status here {here[code]}, in the API {described[code]}."
            for code in sorted(here.keys() & described.keys())
            if here[code] != described[code]
        ),
    ]


def _differences(entity: Entity, info: EntityInfo | None) -> Iterator[str]:
    if info is None:
        yield f"The API has no {entity.plural}."
        return
    if info.kind is None:
        return
    yield from _unequal(entity, "kind", {entity.kind}, {info.kind})
    yield from _unequal(entity, "actions", set(entity.actions), set(info.actions))
    yield from _unequal(entity, "states", set(entity.states()), set(info.states))
    yield from _unequal(entity, "formats", _pairs(entity.formats), _pairs(info.formats))
    yield from _unequal(entity, "parent", _parent(entity), _described_parent(info))
    if info.text:  # older APIs of ours do not say it
        yield from _unequal(entity, "title", _keys(entity, entity.title), {info.title or ""} - {""})
        yield from _unequal(entity, "text", _keys(entity, entity.text), set(info.text[:1]))
    yield from _undeclared(entity, info)


def _unequal(entity: Entity, what: str, here: set[str], there: set[str]) -> Iterator[str]:
    if here != there:
        yield f"{entity.plural}: {what} here {_words(here)}, in the API {_words(there)}."


def _undeclared(entity: Entity, info: EntityInfo) -> Iterator[str]:
    """Fields that an action of the API sets must be declared, or a replace would lose them."""
    declared = {field.alias for field in entity.fields.model_fields.values()}
    written = {key for change in (info.archive, *info.actions.values()) for key in change}
    for key in sorted(written - declared):
        yield f"{entity.plural}: the API's actions set {key}, which is no field here."


def _pairs(formats: Mapping[str, str]) -> set[str]:
    return {f"{key} {name}" for key, name in formats.items()}


def _keys(entity: Entity, field: str | None) -> set[str]:
    """The payload key of a field, if it is one."""
    return {str(entity.fields.model_fields[field].alias)} if field else set()


def _parent(entity: Entity) -> set[str]:
    return {*entity.parent_keys, *entity.parent.kinds} if entity.parent else set()


def _described_parent(info: EntityInfo) -> set[str]:
    if info.parent is None:
        return set()
    return {info.parent.uid, *([info.parent.type] if info.parent.type else []), *info.parent.kinds}


def _words(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"
