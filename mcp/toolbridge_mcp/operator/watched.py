"""What the page looks at inside the gateway."""

from collections.abc import Callable
from typing import NamedTuple


class Watched(NamedTuple):
    """Functions that return at once and may be called in any thread."""

    is_stopping: Callable[[], bool]
    is_cut_off: Callable[[], bool]
    """Whether calls are refused for now because the API did not answer the last ones."""

    warning: Callable[[], str]
    """What the API said of itself when it was last asked; empty if all is well."""

    cautions: Callable[[], list[str]]
    """What will become a problem between gateway and API; empty if nothing will."""

    disagreements: Callable[[], list[str]]
    """Why the API refuses the gateway itself; empty if it does not."""
