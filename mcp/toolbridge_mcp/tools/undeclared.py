"""What is said of a stored field that is none of the declared, but looks like one."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from toolbridge_mcp.entities import MIRRORS, Entity
from toolbridge_mcp.entities.leniency import LONGEST_NAME, names_of, squeezed
from toolbridge_mcp.rendering import name

MOST_LOOKED_AT = 20
"""Undeclared fields of one payload, since each is compared with all that are declared."""

MOST_SAID = 3
SHORTEST_BEGINNING = 3
ALIKE = 0.8


def hint(payload: Mapping[str, Any], entity: Entity, stored: str = "was stored") -> str:
    """A sentence for each field of the payload that was probably meant for a declared one; empty if there is
    none. Other fields are welcome, and so is the removal of one."""
    if payload.keys() <= entity.names.keys():
        return ""
    said = [
        f"{name(key)} is no declared field and {stored} as it is; did you mean {meant}?"
        for key, meant in _meant(payload, entity)
    ]
    return " ".join(said[:MOST_SAID])


def _meant(payload: Mapping[str, Any], entity: Entity) -> Iterator[tuple[str, str]]:
    others = [key for key in payload if key not in entity.names and key not in MIRRORS]
    for key in others[:MOST_LOOKED_AT]:
        if payload[key] is not None and len(key) <= LONGEST_NAME and (meant := _declared(key, entity)):
            yield key, meant


def _declared(key: str, entity: Entity) -> str:
    """The declared field that a name is another name of, or the beginning of, or nearly."""
    word, words = squeezed(key), _squeezed(entity)
    if known := names_of(entity.fields).get(word):
        return known.declared
    beginning = [words[full] for full in words if full.startswith(word)]
    if beginning and len(word) >= SHORTEST_BEGINNING:
        return beginning[0]
    near = get_close_matches(word, words, n=1, cutoff=ALIKE)
    return words[near[0]] if near else ""


@cache
def _squeezed(entity: Entity) -> Mapping[str, str]:
    """The declared fields by their squeezed names. What names the parent comes before what says its kind."""
    parent = [entity.parent.uid] if entity.parent else []
    return {squeezed(field): field for field in [*parent, *entity.fields.model_fields]}
