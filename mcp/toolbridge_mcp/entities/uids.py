"""Ids of items, as people and models write them."""

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from toolbridge_mcp.entities.circumstances import NO_CIRCUMSTANCES

SHORTEST = 8
SHORTEST_NUMBER = 10 ** (SHORTEST - 1)
"""As many digits name an item, if no other uid of its kind begins so."""

_WHOLE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WRITTEN = re.compile(
    r"\s*(?:urn:uuid:|(?:toolbridge://)?(?P<kind>[a-z_]{1,64})[:/])?"
    r"(?P<brace>\{)?(?P<digits>[0-9a-f-]{8,36})(?(brace)\})(?:\u2026|\.\.\.)?\s*",
    re.IGNORECASE | re.ASCII,
)
_LONGEST = 200
_NO_KINDS = frozenset({"id", "uid", "uuid"})


class Reference(NamedTuple):
    """An item as a text names it. `kind` is the word before the id, empty without one; `uid` is a whole uid,
    or the first 8 to 31 digits of one."""

    kind: str
    uid: str


def read_reference(text: str) -> Reference | None:
    """The item that `3f9a01bc`, `note:3f9a01bc`, `toolbridge://note/3f9a01bc` or any usual spelling of a UUID
    names; None if the text is none of these. The uid has small hexadecimal digits and hyphens only."""
    if _WHOLE.fullmatch(text):
        return Reference("", text)
    found = _WRITTEN.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    digits = _digits(found["digits"].lower())
    if digits is None:
        return None
    kind = (found["kind"] or "").lower()
    return Reference("" if kind in _NO_KINDS else kind, _hyphenated(digits) if len(digits) == 32 else digits)


def is_whole(uid: str) -> bool:
    """Whether it is no short id."""
    return _WHOLE.fullmatch(uid) is not None


def _digits(written: str) -> str | None:
    """The digits alone; None if hyphens are not where a UUID has them, or digits are too few or too many."""
    digits = written.replace("-", "")
    spelled = _hyphenated(digits)
    if not SHORTEST <= len(digits) <= 32 or written not in (digits, spelled, f"{spelled}-"):
        return None
    return digits


def _hyphenated(digits: str) -> str:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(part for part in parts if part)


def _uid(value: Any, info: ValidationInfo) -> Any:
    if type(value) is int and value >= SHORTEST_NUMBER:
        value = str(value)  # a short id without letters
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, str) or _WHOLE.fullmatch(value):
        return value
    reference = read_reference(value)
    if reference is None:
        raise PydanticCustomError("uid", "should be an id such as 3f9a01bc, as other calls show it")
    kinds = (info.context or NO_CIRCUMSTANCES).kinds.get(info.field_name or "")
    if reference.kind and kinds and reference.kind.removesuffix("s") not in kinds:
        raise PydanticCustomError("other_kind", "is of another kind", {"kind": reference.kind})
    return reference.uid


Uid = Annotated[str, BeforeValidator(_uid)]
"""A whole uid or a short id. The word before it, as in `note:3f9a01bc`, is compared with the kinds that the
argument may be of, where those are known."""
