"""What the check of an argument may have to know beside the argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The context of pydantic's validation. `kinds` has the kinds of item that an argument with an id may be
    of; of an argument that it lacks, any."""

    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_CIRCUMSTANCES = Circumstances()
