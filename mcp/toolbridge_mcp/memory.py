"""The memory of the process: what the garbage collector looks at, and what the system gets back."""

import ctypes
import gc


def freeze() -> None:
    """Keeps the garbage collector away from objects that live as long as the process: full collections over
    the schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def release() -> None:
    """Returns to the system what is not needed any more. It takes some ten milliseconds.

    Failed calls leave cycles of exceptions and frames, which hold their answers until a full collection; and
    the allocator of glibc keeps the memory of large texts for the next ones.
    """
    gc.collect()
    if _TRIM:
        _TRIM(0)


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc; other systems have none."""
