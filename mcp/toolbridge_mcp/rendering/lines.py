"""An item in one line, as lists show it."""

from collections import defaultdict
from collections.abc import Sequence

from toolbridge_mcp.rendering.hidden import one_line
from toolbridge_mcp.rendering.summary import Belonging, Summary
from toolbridge_mcp.rendering.words import SHORT_ID, day, hashtags, quoted, short_id, size, word

TITLE_CHARACTERS = 100
PREVIEW_CHARACTERS = 64
PARENT_CHARACTERS = 40
TEXT_CHARACTERS = 160
"""Of what has no title, and of a snippet."""

LARGE_BYTES = 10_000
"""From this size on, a line says how large the item is: reading it costs a model its context."""


def lines(summaries: Sequence[Summary], *, with_kind: bool, whole_ids: bool = False) -> list[str]:
    """A line for each summary. The ids have so many digits that those of the page differ, or with
    `whole_ids` all digits, for APIs that take no others."""
    if whole_ids:
        return [line(summary, with_kind=with_kind, shown_id=summary.uid) for summary in summaries]
    ids = short_ids(summaries)
    return [
        line(summary, with_kind=with_kind, shown_id=ids[summary.kind, summary.uid]) for summary in summaries
    ]


def line(summary: Summary, *, with_kind: bool, shown_id: str | None = None) -> str:
    """Such as `3f9a01bc v3 2026-11-26 open high due 2026-12-04 "Title" #ops: preview…`: only what the item
    has. In lists of several kinds it begins with `note:3f9a01bc`."""
    shown = short_id(summary.uid) if shown_id is None else shown_id
    parts = [f"{summary.kind}:{shown}" if with_kind else shown]
    if summary.version is not None:
        parts.append(f"v{summary.version}")
    if summary.updated_at:
        parts.append(day(summary.updated_at))
    parts += _state(summary)
    if summary.parent:
        parts.append(belonging(summary.parent))
    text = _text(summary)
    if summary.title and not _repeats(text, summary.title):
        parts.append(quoted(summary.title, TITLE_CHARACTERS))
    if summary.tags:
        parts.append(hashtags(summary.tags))
    head = " ".join(parts)
    return f"{head}: {text}" if text else head


def belonging(parent: Belonging) -> str:
    """The parent of an item, such as `on note:3f9a01bc "Title"`."""
    named = f"on {word(parent.kind)}:{word(short_id(parent.uid))}"
    return f"{named} {quoted(parent.title, PARENT_CHARACTERS)}" if parent.title else named


def short_ids(summaries: Sequence[Summary]) -> dict[tuple[str, str], str]:
    """By kind and uid, the beginning of the uid that no other item of its kind has here."""
    ids = {(summary.kind, summary.uid): short_id(summary.uid) for summary in summaries}
    if len({(kind, shown) for (kind, _), shown in ids.items()}) == len(ids):
        return ids
    alike: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (kind, uid), shown in ids.items():
        alike[kind, shown].add(uid)
    for (kind, _), uids in alike.items():
        if len(uids) > 1:
            ids.update({(kind, uid): shown for uid, shown in _told_apart(uids).items()})
    return ids


def _told_apart(uids: set[str]) -> dict[str, str]:
    """Longer beginnings, without hyphens, that differ."""
    digits = {uid: uid.replace("-", "") for uid in uids}
    most = max(map(len, digits.values()))
    lengths = range(SHORT_ID, most)
    enough = (length for length in lengths if len({text[:length] for text in digits.values()}) == len(uids))
    length = next(enough, most)
    return {uid: text[:length] for uid, text in digits.items()}


def _state(summary: Summary) -> list[str]:
    """What an item is like, in words."""
    parts = [f"deleted {day(summary.deleted_at)}"] if summary.deleted_at else []
    if summary.status:
        parts.append(word(summary.status))
    if summary.priority:
        parts.append(word(summary.priority))
    if summary.facets:
        parts += [f"{word(name)}={word(value)}" for name, value in summary.facets]
    parts += summary.flags
    if summary.due_date:
        parts.append(f"due {word(summary.due_date)}")
    if summary.bytes is not None and (summary.too_large or summary.bytes >= LARGE_BYTES):
        parts.append(size(summary.bytes))
    return parts


def _repeats(text: str, title: str) -> bool:
    """Whether a text begins with the title, as that of an item does whose first line serves as one."""
    return text.startswith(title[: TITLE_CHARACTERS - 1])


def _text(summary: Summary) -> str:
    if summary.snippet:
        return one_line(summary.snippet, TEXT_CHARACTERS)
    if summary.preview:
        return one_line(summary.preview, PREVIEW_CHARACTERS if summary.title else TEXT_CHARACTERS)
    return "too large for a list, read it alone" if summary.too_large else ""
