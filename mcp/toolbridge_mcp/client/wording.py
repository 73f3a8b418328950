"""What the API says of an error, as a tool would say it.

The API names its own parameters, headers and routes. A model knows those of the tools. What is stored or was
sent stays as it is: it is in quotation marks.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.rendering import from_summary, name, one_line, quoted, short_ids, visible, word
from toolbridge_mcp.rendering import value as json_value

Details = Mapping[str, Any]

PASSAGES = 400
"""Characters of stored passages in one error."""

VALUE = 80
"""Characters of a stored value that stands beside others."""

MOST = 5
"""As many candidates, fields, changes or headings are named."""

_PARAMETERS = (
    *("at_most", "change_id", "dry_run", "due_after", "due_before", "if_match", "include_deleted"),
    *("max_bytes", "status_not", "updated_since"),
)
_FIELDS = [name for entity in ENTITIES for name in entity.fields.model_fields]
_NAMES: Mapping[str, str] = {
    **{to_camel(name): name for name in (*_PARAMETERS, *_FIELDS) if "_" in name},
    "nextCursor": "cursor",
    "If-Match": "if_match",
    "invalid q": "invalid query",
    "invalid ref": "invalid items",
    "details.nearest has what resembles it most": "below is what resembles it most",
    "as details.nearest has it": "as it is below",
    "details.headings has those it has": "those it has are below",
}
_NAME = re.compile(
    r"(?:(?:GET|POST|PUT|PATCH|DELETE) )?/v1/(?P<route>\w+)[\w/{}-]*|"
    + "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(_NAMES, key=len, reverse=True))
)
_LISTS = {entity.plural for entity in ENTITIES}


def as_tools_say(sentence: str) -> str:
    """The API's sentence with the names that tools have. What is in quotation marks stays."""
    parts = sentence.split('"')
    parts[::2] = [_NAME.sub(_replaced, part) for part in parts[::2]]
    return '"'.join(parts)


def field_name(key: str) -> str:
    """The name that tools have for a payload key, in one line."""
    return _NAMES.get(key) or name(key)


def in_words(code: str, details: Details) -> str:
    """What the details of an error add to its sentence; empty if that is nothing.

    Details that are not what they should be are left out: they come from another program.
    """
    try:
        said = [_operation(details), *(_SAID[code](details) if code in _SAID else ())]
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
    return " ".join(filter(None, said))


def value_in_words(value: Any, most: int) -> str:
    """A stored value: quoted, visible and cut."""
    if isinstance(value, str):
        return quoted(value, most)
    return json_value(json.dumps(value, ensure_ascii=False), most)


def _replaced(found: re.Match[str]) -> str:
    if route := found["route"]:
        return f"list_{route}" if route in _LISTS else str(route)
    return _NAMES[found[0]]


def _operation(details: Details) -> str:
    """Which operation of a batch was refused, on which item. The sentence has its number already."""
    if not isinstance(details.get("index"), int) or not all(
        details.get(key) for key in ("op", "kind", "uid")
    ):
        return ""
    return one_line(f"It is {details['op']} of {details['kind']}:{details['uid'][:8]}", VALUE) + "."


def _candidates(details: Details) -> Iterable[str]:
    """The items that an ambiguous id or title can mean, with ids that tell them apart."""
    key = "candidates" if "candidates" in details else "near"
    found = [from_summary(item) for item in details.get(key, [])[:MOST]]
    ids = short_ids(found)
    named = [
        one_line(f"{item.kind}:{ids[item.kind, item.uid]}", VALUE)
        + (f" {quoted(item.title, VALUE)}" if item.title else "")
        for item in found
    ]
    more = " and others" if details.get("more") else ""
    if named:
        yield f"{'It can be' if key == 'candidates' else 'Near it'}: {', '.join(named)}{more}."


def _passages(details: Details) -> Iterable[str]:
    """Where the text comes nearest, exactly as it is stored, or the headings that there are."""
    headings = details.get("headings", [])[: MOST * 2]
    if headings:
        yield f"Headings: {', '.join(quoted(each['text'], VALUE) for each in headings)}."
    left, seen = PASSAGES, set()
    for each in details.get("nearest", [])[:MOST]:
        text = f"Line {int(each['line'])}: {visible(json.dumps(each['text'], ensure_ascii=False))}."
        if len(text) > left:
            break
        if text not in seen:
            left -= len(text)
            seen.add(text)
            yield text


def _in_the_way(details: Details) -> Iterable[str]:
    """Which item it is, what a later write made of the fields that an undo would set, and which write."""
    if details.get("kind") and details.get("uid") and "op" not in details:
        title = f" {quoted(details['title'], VALUE)}" if details.get("title") else ""
        yield one_line(f"It is {details['kind']}:{details['uid'][:8]}", VALUE) + f"{title}."
    now = details.get("now")
    if now:
        yield f"The change made version {int(details['version'])}; now it is {int(now)}."
    for each in details.get("fields", [])[:MOST]:
        was, present = (
            value_in_words(each[key], VALUE) if key in each else "nothing" for key in ("was", "now")
        )
        yield f"{field_name(each['field'])}: {was} then, {present} now."
    if later := details.get("later"):
        yield f"In the way is {word(later)}: undo change={word(later)} first, then repeat this."


def _changes(details: Details) -> Iterable[str]:
    """What changed since the version that a write expected: the newest changes, the newest last."""
    for each in details.get("changes", [])[-3:]:
        client = f" with {name(each['client'])}" if each.get("client") else ""
        who = f"{one_line(each['at'], VALUE)[:16]}Z by {name(each['by'])}{client}"
        done = " ".join([one_line(each["change"], VALUE), *_named(each.get("fields", []))])
        yield f"v{int(each['version'])} {who}: {done}."


def _named(fields: list[str]) -> Iterable[str]:
    names = ", ".join(map(field_name, fields[:MOST]))
    return [f"{names}, …" if len(fields) > MOST else names] if names else []


def _kept(details: Details) -> Iterable[str]:
    versions = details.get("kept", [])[: MOST * 2]
    yield f"Kept are {', '.join(str(int(version)) for version in versions)}." if versions else ""


_SAID: Mapping[str, Callable[[Details], Iterable[str]]] = {
    "ambiguous_uid": _candidates,
    "edit_mismatch": _passages,
    "not_found": _candidates,
    "undo_conflict": _in_the_way,
    "version_mismatch": _changes,
    "version_not_kept": _kept,
}
