"""The first text that every model reads."""

from collections.abc import Iterable, Sequence

from toolbridge_mcp.entities import Entity


def instructions(entities: Sequence[Entity]) -> str:
    """What the server offers, and how to use it."""
    listed = _listed(_named(entity, entities) for entity in entities)
    return (
        f"{listed[0].upper()}{listed[1:]} of the signed-in user. Every item "
        "has a uid, a version and a payload with its fields. To change an item safely, pass the version that "
        "you read as if_match."
    )


def _named(entity: Entity, entities: Sequence[Entity]) -> str:
    """The plural, with the kinds of parent in brackets where there is a choice of them."""
    name = entity.words["words"]
    if entity.parent is None or len(entity.parent.kinds) == 1:
        return name
    parents = (other.words["words"] for other in entities if other.kind in entity.parent.kinds)
    return f"{name} (on {_listed(parents)})"


def _listed(names: Iterable[str]) -> str:
    """Names as English lists them: with commas, and `and` before the last."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
