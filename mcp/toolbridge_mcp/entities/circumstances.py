"""What the check of arguments has to know beside the arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo


def _ignored(_: str) -> None:
    return None


def _unknown() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The context of pydantic's validation; it is made once for each tool.

    `kinds` has the kinds of item that an argument with an id may be of, and `typed` the argument that says
    which of them. `taken` is called with what counts for an argument that was taken under another name.
    `zone` is where the user is, as far as it is known.
    """

    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    taken: Callable[[str], None] = _ignored
    zone: Callable[[], tzinfo | None] = _unknown


NO_CIRCUMSTANCES = Circumstances()
