"""How many spans did not arrive at their collector."""

_number = 0


def lost(spans: int) -> None:
    """Counts spans that will never be sent."""
    global _number
    _number += spans


def traces_dropped() -> int:
    """The spans that this process has lost: its queue was full, or the collector did not take them."""
    return _number
