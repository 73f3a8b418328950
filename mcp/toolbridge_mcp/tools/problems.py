"""Says what is wrong with a tool's arguments, in sentences for a model."""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MAX_PROBLEMS = 5
_NAME = re.compile(r"[\w-]{1,64}")

NOT_JSON = "a text is not valid Unicode, or the nesting is too deep."

_REASONS = {
    "missing": "is required",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "list_type": "should be a list",
    "string_unicode": "should be valid Unicode",
}
"""Used instead of pydantic's own messages where those name Python types or quote the value."""


def explained(error: ValidationError, model: type[BaseModel], siblings: Mapping[str, str]) -> str:
    """A sentence for each of the first `MAX_PROBLEMS` problems of the arguments that `model` declares.

    `siblings` has for each kind of item the tool that does the same with it.
    """
    details = error.errors(include_url=False, include_input=False)
    sentences = [_sentence(detail, model, siblings) for detail in details[:MAX_PROBLEMS]]
    if len(details) > MAX_PROBLEMS:
        sentences.append(f"{len(details) - MAX_PROBLEMS} more.")
    return " ".join(sentences)


def _sentence(detail: ErrorDetails, model: type[BaseModel], siblings: Mapping[str, str]) -> str:
    """Never quotes a value. Quotes a name only if it is short and plain."""
    parts = [str(part) for part in detail["loc"]]
    where = ".".join(part if _NAME.fullmatch(part) else "?" for part in parts) or "arguments"
    if detail["type"] == "extra_forbidden":
        return f"{where} is no argument of this tool; it takes {', '.join(model.model_fields)}."
    if detail["type"] == "other_kind":
        return f"{where} {_of_another_kind(parts, detail['ctx']['kind'], siblings)}."
    said = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    instead = ", or leave it out" if _may_be_left_out(parts, model) else ""
    return f"{where} {_REASONS.get(detail['type'], said)}{instead}."


def _of_another_kind(parts: Sequence[str], kind: str, siblings: Mapping[str, str]) -> str:
    """What to do with an id that names another kind than the argument may be of."""
    if kind not in siblings:
        return "should be an id as other calls show it, without a word before it"
    return f"names a {kind}; for that call {siblings[kind]}" if parts == ["uid"] else f"may not be a {kind}"


def _may_be_left_out(parts: Sequence[str], model: type[BaseModel]) -> bool:
    """Whether the value at fault is an argument that is not required, or part of an object with any keys."""
    field = model.model_fields.get(parts[0]) if parts else None
    return len(parts) == 2 or (field is not None and not field.is_required())
