"""What is shown of an item that is not shown whole, whichever API it comes from."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from toolbridge_mcp.entities import Entity
from toolbridge_mcp.rendering.hidden import one_line

TITLE_CHARACTERS = 200
PREVIEW_CHARACTERS = 160

_LOOKED_AT = 4_000
"""Characters of a text in which its preview is looked for."""

_MARKS = re.compile(r"^[ \t]*(?:#{1,6}|>|[-*+](?: \[[ xX]\])?|[0-9]{1,3}[.)])[ \t]+", re.MULTILINE)
"""What begins headings, quotations and items of lists in Markdown."""

_SHOWN_ELSEWHERE = frozenset({"title", "preview", "snippet", "status", "priority", "dueDate"})
_NO_FACETS = frozenset({"uid", "kind", "createdAt", "updatedAt", "deletedAt", "note"}) | _SHOWN_ELSEWHERE


class Belonging(NamedTuple):
    """The item that another one belongs to."""

    kind: str
    uid: str
    title: str | None = None


class Summary(NamedTuple):
    """An item without its payload. What the item does not have is None or empty.

    `facets` are texts beside the state and the priority by which items are filtered, under their names.
    `flags` are words for what is true of the item, such as `pinned` or `unread`. `too_large` says that a page
    has it without its payload because of its size.
    """

    kind: str
    uid: str
    version: int | None = None
    updated_at: str | None = None
    created_at: str | None = None
    deleted_at: str | None = None
    title: str | None = None
    preview: str | None = None
    snippet: str | None = None
    status: str | None = None
    priority: str | None = None
    due_date: str | None = None
    tags: tuple[str, ...] = ()
    parent: Belonging | None = None
    bytes: int | None = None
    facets: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()
    too_large: bool = False


def from_summary(shown: Mapping[str, Any]) -> Summary:
    """The summary in a list with `view=summary`, a search or an overview."""
    get = shown.get
    facets, flags = _others(shown)
    return Summary(  # in the order of its fields: seventeen keywords would take a third of the time of all
        _text(get("kind")) or "",
        _text(get("uid")) or "",
        _number(get("version")),
        _text(get("updatedAt")),
        _text(get("createdAt")),
        _text(get("deletedAt")),
        _text(get("title")),
        _text(get("preview")),
        _text(get("snippet")),
        _text(get("status")),
        _text(get("priority")),
        _text(get("dueDate")),
        _texts(get("tags")),
        _belonging(get("parent")),
        _number(get("bytes")),
        facets,
        flags,
    )


def from_item(entity: Entity, item: Mapping[str, Any]) -> Summary:
    """The summary of an item with its payload, for APIs that make none, and for what is just read.

    Payloads are free JSON: a value of another type than declared counts as missing.
    """
    payload = item.get("payload")
    size = _number(item.get("size"))
    fields: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    title, preview = title_and_preview(entity, fields)
    return Summary(
        kind=entity.kind,
        uid=_text(item.get("uid")) or "",
        version=_number(item.get("version")),
        updated_at=_text(item.get("updatedAt")),
        created_at=_text(item.get("createdAt")),
        deleted_at=_text(item.get("deletedAt")),
        title=title,
        preview=preview,
        status=_text(fields.get("status")),
        priority=_text(fields.get("priority")),
        due_date=_text(fields.get("dueDate")),
        tags=_texts(fields.get("tags")),
        parent=parent_of(entity, fields),
        bytes=size,
        flags=_flags(
            (name, fields.get(entity.keys[name]))
            for name, field in entity.fields.model_fields.items()
            if fields and field.annotation in _BOOLEANS
        ),
        too_large=size is not None and payload is None and "deletedAt" not in item,
    )


def title_and_preview(entity: Entity, fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The title and the beginning of the text. What has no title is called by the first line of its text."""
    text = (_text(fields.get(entity.keys[entity.text])) or "")[:_LOOKED_AT]
    if entity.title is not None:
        title = _text(fields.get(entity.keys[entity.title])) or ""
        return _line(title, TITLE_CHARACTERS), _preview(text)
    first, _, rest = text.lstrip().partition("\n")
    return _line(first, TITLE_CHARACTERS), _preview(rest)


def parent_of(entity: Entity, fields: Mapping[str, Any]) -> Belonging | None:
    """The parent that a payload names, without its title."""
    if entity.parent is None or not (uid := _text(fields.get(entity.keys[entity.parent.uid]))):
        return None
    named = _text(fields.get(entity.keys[entity.parent.type])) if entity.parent.type else None
    return Belonging(named or entity.parent.kinds[0], uid)


_BOOLEANS = (bool, bool | None)


def _others(shown: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The facets and the flags, in one pass, since most items of a page have neither."""
    facets, flags = [], []
    for name, value in shown.items():
        if value is True or value is False:
            flags.append((name, value))
        elif name not in _NO_FACETS and (text := _text(value)):
            facets.append((name, text))
    return tuple(facets), _flags(flags) if flags else ()


def _flags(values: Iterable[tuple[str, Any]]) -> tuple[str, ...]:
    """A word for each flag that says something: those that are true, and `unread` for what is not read."""
    words = (
        ("unread" if value is not True else "") if name == "read" else (name if value is True else "")
        for name, value in values
    )
    return tuple(word for word in words if word)


def _belonging(value: Any) -> Belonging | None:
    if not isinstance(value, dict) or not (uid := _text(value.get("uid"))):
        return None
    return Belonging(_text(value.get("kind")) or "", uid, _text(value.get("title")))


def _preview(text: str) -> str | None:
    return _line(_MARKS.sub("", text), PREVIEW_CHARACTERS)


def _line(text: str, most: int) -> str | None:
    return one_line(text, most) or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple([text for text in value if isinstance(text, str) and text])


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
