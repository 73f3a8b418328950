"""Whether the declarations here and the API's table say the same."""

from collections.abc import Iterable, Iterator

from toolbridge_mcp.client.description import EntityInfo, ServerInfo
from toolbridge_mcp.entities import Entity


def mismatches(entities: Iterable[Entity], description: ServerInfo) -> list[str]:
    """One sentence for each difference; empty when both halves agree.

    An API that does not describe its entities (the first generation) can only be asked for their names.
    """
    return [
        sentence
        for entity in entities
        for sentence in _differences(entity, description.entities.get(entity.plural))
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
    yield from _unequal(entity, "parent", _parent(entity), _described_parent(info))
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


def _parent(entity: Entity) -> set[str]:
    return {*entity.parent_keys, *entity.parent.kinds} if entity.parent else set()


def _described_parent(info: EntityInfo) -> set[str]:
    if info.parent is None:
        return set()
    return {info.parent.uid, *([info.parent.type] if info.parent.type else []), *info.parent.kinds}


def _words(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"
