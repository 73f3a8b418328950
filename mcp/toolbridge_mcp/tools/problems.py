"""Says what is wrong with a tool's arguments, in sentences for a model.

Each names the argument as the tool does, what may stand there, and what was sent: short, on one line, and
with nothing hidden in it.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

from toolbridge_mcp.entities.leniency import LONGEST_NAME, likely_names, squeezed
from toolbridge_mcp.entities.schema import Schema, published_schema
from toolbridge_mcp.entities.times import DATES, EXPECTED
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.rendering import value as json_value
from toolbridge_mcp.tools.examples import example_for, example_of

MAX_PROBLEMS = 4
CLOSE = 0.7
"""Two names that are at least this similar (0 to 1) may be meant for each other."""

NOTHING: Mapping[str, str] = MappingProxyType({})

_WORDS = ("search finds items by their words.", "limit")
_PAGES = ("The cursor that a page ends with leads to the next one.", "cursor")
_ORDER = ("order is by time of change: asc or desc.", "order")
_SOME = ("The patch tool changes some fields.", "additional_fields")

ELSEWHERE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("filter", "keyword", "keywords", "q", "query", "search", "term", "text"), _WORDS),
    **dict.fromkeys(("offset", "page", "pagenumber", "skip", "start", "startindex"), _PAGES),
    **dict.fromkeys(("orderby", "sort", "sortby"), _ORDER),
    **dict.fromkeys(("changes", "patch", "updates"), _SOME),
}
"""For names that tools of other products have, what there is instead, for tools that have the argument."""

_SHORT = {"string_unicode": "should be valid Unicode", "string_too_short": "should not be empty"}
SHOWN_CHARACTERS = 60
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_SECRET = re.compile(r"eyJ[\w-]{5}|bearer\s|-----BEGIN", re.IGNORECASE)

NOT_JSON = "a text is not valid Unicode, or the nesting is too deep."

OWN = frozenset({"value_error", "uid", "date", "other_type", "twice"})
"""Types of problems whose messages are the gateway's own. pydantic's name types of Python."""

_OF_ALL = frozenset({"other_type", "twice"})
"""Types of problems whose messages name the arguments, since they are about several."""

_WITH_EXAMPLE = frozenset({"extra_forbidden", "missing"})


def explained(
    error: ValidationError,
    model: type[BaseModel],
    siblings: Mapping[str, str],
    *,
    with_example: bool = True,
    shows_ids: Mapping[str, str] = NOTHING,
) -> str:
    """A sentence or two for each of the first `MAX_PROBLEMS` problems of the arguments that `model` declares.

    `siblings` has for each kind of item the tool that does the same with it. An example of the whole call
    follows where it helps: the model's `EXAMPLE`, or else one made from its schema. `shows_ids` has for
    arguments with an id the tool that shows which there are.
    """
    found = error.errors(include_url=False)
    unknown = [detail for detail in found if detail["type"] == "extra_forbidden"]
    others = [detail for detail in found if detail["type"] != "extra_forbidden"]
    sentences = [_unknown(unknown, model)] if unknown else []
    sentences += [_sentence(detail, model, siblings) for detail in others[:MAX_PROBLEMS]]
    if len(others) > MAX_PROBLEMS:
        sentences.append(f"{len(others) - MAX_PROBLEMS} more.")
    sentences += [
        f"{shows_ids[str(detail['loc'][-1])]} shows the ids."
        for detail in others[:MAX_PROBLEMS]
        if detail["type"] == "uid" and detail["loc"][-1] in shows_ids
    ]
    example = with_example and example_for(model)
    if example and any(detail["type"] in _WITH_EXAMPLE for detail in found):
        sentences.append(f"Example: {example}.")
    return " ".join(sentences)


def shown(value: Any) -> str:
    """What was sent: at most `SHOWN_CHARACTERS` of it, a text in quotation marks. Empty for a secret."""
    if isinstance(value, str):
        return "" if _SECRET.search(value[: SHOWN_CHARACTERS * 8]) else quoted(value, SHOWN_CHARACTERS)
    try:
        text = to_json(value)[: SHOWN_CHARACTERS * 8].decode(errors="ignore")
    except ValueError:
        return "an object" if isinstance(value, dict) else "a list"
    return "" if _SECRET.search(text) else json_value(text, SHOWN_CHARACTERS)


def _unknown(details: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    """That some names are none of the tool's, and which was probably meant."""
    names = [str(detail["loc"][-1]) for detail in details[:MAX_PROBLEMS]]
    listed = ", ".join(map(_plain, names))
    these = "is no argument" if len(names) == 1 else "are no arguments"
    takes = ", ".join(model.model_fields) or "none"
    sentence = f"{listed} {these} of this tool; it takes {takes}."
    near = [(name, _near(name, likely_names(model))) for name in names]
    meant = ", ".join(f"{found} for {_plain(name)}" for name, found in near if found)
    instead = dict.fromkeys(ELSEWHERE[word] for word in map(squeezed, names) if word in ELSEWHERE)
    fitting = [sentence for sentence, argument in instead if argument in model.model_fields]
    return " ".join([sentence, *([f"Did you mean {meant}?"] if meant else []), *fitting])


def _sentence(detail: ErrorDetails, model: type[BaseModel], siblings: Mapping[str, str]) -> str:
    where, node = _place(detail["loc"], published_schema(model))
    kind = detail["type"]
    if kind == "missing":
        words = node.get("enum")
        return f"{where} is required: {' or '.join(words)}." if words else f"{where} is required."
    if kind == "other_kind":
        return f"{where} {_of_another_kind(where, detail['ctx']['kind'], siblings)}."
    if kind in _SHORT:
        return f"{where} {_SHORT[kind]}."
    counts = kind == "value_error" and node.get("type") == "integer"
    own = kind in OWN and not counts
    said = detail["msg"].removeprefix("Value error, ") if own else _allowed(detail, node, where, model)
    instead = ", or leave it out" if _may_be_left_out(detail["loc"], model) else ""
    if kind in _OF_ALL or not detail["loc"]:
        return f"{said}." if kind in _OF_ALL else f"{where} {said}."
    return f"{where} {said}{instead}.{_sent(detail['input'], node)}"


def _sent(value: Any, node: Schema) -> str:
    """What was sent, and the nearest of the words that may stand there."""
    text = shown(value)
    if not text:
        return ""
    near = _near(value, node.get("enum", ())) if isinstance(value, str) else ""
    return f" You sent {text}; did you mean {near}?" if near else f" You sent {text}."


def _place(path: Sequence[int | str], schema: Schema) -> tuple[str, Schema]:
    """The name of the argument at fault, as the tool writes it, and its schema."""
    names, node = [], schema
    for part in path:
        properties = node.get("properties", {})
        if isinstance(part, int):
            name, node = str(part), node.get("items", {})
        else:
            name = next((name for name in properties if part in (name, _camel(name))), part)
            node = properties.get(name, {})
        names.append(_plain(name))
    return ".".join(names) or "arguments", node


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _allowed(detail: ErrorDetails, node: Schema, where: str, model: type[BaseModel]) -> str:
    """What may stand in an argument with this schema."""
    match node.get("type"):
        case "integer" | "number":
            finite = "finite" if detail["type"] == "finite_number" else "whole"
            return f"should be a {finite} number{_bounds(detail.get('ctx', {}), node)}"
        case "boolean":
            return "should be true or false"
        case "array":
            return f"should be a list such as {example_of(where, node, model)}"
        case "object":
            return f"should be an object such as {example_of(where, node, model)}"
        case "string" if DATES in node.get("description", "") and "enum" not in node:
            return EXPECTED
    if words := node.get("enum"):
        return f"should be {words[0]}" if len(words) == 1 else f"should be one of {', '.join(words)}"
    return "should be a text"


def _bounds(context: Mapping[str, Any], node: Schema) -> str:
    low, high = node.get("minimum", context.get("ge")), node.get("maximum", context.get("le"))
    if low is None:
        return "" if high is None else f" up to {high}"
    return f" from {low} up" if high is None else f" from {low} to {high}"


def _near(name: str, known: Sequence[str]) -> str:
    """The one of the known names that is most like this one; empty if none is."""
    found = get_close_matches(name.lower(), known, n=1, cutoff=CLOSE) if len(name) <= LONGEST_NAME else []
    return found[0] if found else ""


def _plain(name: str) -> str:
    """A name as it is, or in quotation marks if it is no plain one."""
    return name if _NAME.fullmatch(name) else quoted(name, SHOWN_CHARACTERS)


def _of_another_kind(where: str, kind: str, siblings: Mapping[str, str]) -> str:
    """What to do with an id that names another kind than the argument may be of."""
    if kind not in siblings:
        return f"should be an id as other calls show it, without {_plain(kind)} before it"
    return f"names a {kind}; for that call {siblings[kind]}" if where == "uid" else f"may not be a {kind}"


def _may_be_left_out(path: Sequence[int | str], model: type[BaseModel]) -> bool:
    """Whether the value at fault is an argument that is not required, or part of an object with any keys."""
    field = model.model_fields.get(str(path[0])) if path else None
    return len(path) == 2 or (len(path) == 1 and field is not None and not field.is_required())
