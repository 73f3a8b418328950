"""Items as a model names them, and what is said of a name that means none, or several."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from toolbridge_mcp.entities.entity import FromJson, Word
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.rendering import Summary, from_summary, line, lines, quoted, short_id

MAX_ITEMS = 20
MAX_NAME_BYTES = 300
SHOWN_CHARACTERS = 80

_LINE = re.compile(r"\s*(?:## )?([a-z_]{1,64}:[0-9a-f-]{8,36}) (?=v[0-9]|\")")
"""The beginning of a line that another tool answered with."""


def _as_the_api_reads_it(text: str) -> str:
    line = _LINE.match(text)
    reference = read_reference(line[1] if line else text)
    if reference is not None:
        return f"{reference.kind}:{reference.uid}" if reference.kind else reference.uid
    if not text.strip():
        raise ValueError("should not be empty")
    if len(text.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"should be an id such as note:3f9a01bc, or a title of at most {MAX_NAME_BYTES} bytes"
        )
    return text


def _as_text(value: Any) -> Any:
    """The text for a short id that came as a number, and for an object that has kind and id."""
    if isinstance(value, dict):
        uid = next((value[name] for name in ("uid", "id", "item") if name in value), None)
        if not isinstance(uid, str):
            return value
        kind = value.get("kind")
        return f"{kind}:{uid}" if isinstance(kind, str) and ":" not in uid else uid
    return str(value) if type(value) is int else value


def _several(value: Any) -> Any:
    """A list for a text: of its parts between commas if each is an id, else of the text, which is a title."""
    value = _as_text(value)
    if not isinstance(value, str):
        return value
    parts = value.split(",")
    return parts if all(map(read_reference, parts)) else [value]


def _a_few(names: list[str]) -> list[str]:
    """Each once."""
    once = list(dict.fromkeys(names))
    if not 1 <= len(once) <= MAX_ITEMS:
        raise ValueError(f"should be 1 to {MAX_ITEMS} ids or titles, not {len(once)}")
    return once


Name = Annotated[Word, AfterValidator(_as_the_api_reads_it), BeforeValidator(_as_text)]
Names = Annotated[
    list[Name],
    AfterValidator(_a_few),
    BeforeValidator(_several),
    FromJson,
]
"""Ids or exact titles of items; a text is one of them."""


def why_not(name: str, error: Mapping[str, Any]) -> str:
    """Why a name leads to no item, and what leads to one."""
    details = error.get("details") or {}
    said = _SENTENCES.get(str(error.get("code")), _unknown)
    return said(quoted(name, SHOWN_CHARACTERS), details, error)


def foreign_kind(name: str) -> str:
    """Why an item cannot be shown or changed that a newer API has."""
    return f"{quoted(name, SHOWN_CHARACTERS)} is of a kind that this gateway does not know."


def _unknown(name: str, details: Mapping[str, Any], error: Mapping[str, Any]) -> str:  # noqa: ARG001
    near = _candidates(details.get("near") or ())
    instead = f"Near: {near}" if near else "search finds items by their text"
    return f"{name} is no id or exact title of an item. {instead}."


def _ambiguous(name: str, details: Mapping[str, Any], error: Mapping[str, Any]) -> str:  # noqa: ARG001
    matched = f"{details.get('matched', 'several')}{' or more' if details.get('more') else ''}"
    return f"{name} means {matched} items. Name one: {_candidates(details.get('candidates') or ())}."


def _deleted(name: str, details: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    at = str(error.get("deletedAt", ""))[:10]
    kind, uid = details.get("kind", "item"), short_id(str(details.get("uid", "")))
    restore = f'{{"op": "restore", "item": "{kind}:{uid}"}}'
    return f"{name} was deleted on {at}. To bring it back, call batch with {restore}."


_SENTENCES = {"ambiguous_uid": _ambiguous, "deleted": _deleted}


def _candidates(items: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(lines([from_summary(item) for item in items], with_kind=True))


def called(summary: Summary) -> str:
    """The item by its id and title alone."""
    return line(Summary(summary.kind, summary.uid, title=summary.title), with_kind=True)
