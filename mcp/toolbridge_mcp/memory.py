"""The memory of the process: what the garbage collector looks at, and what the system gets back."""

import asyncio
import ctypes
import gc

RELEASE_SECONDS = 20


def load() -> None:
    """Call this before anything large is imported, and `freeze` afterwards: hardly anything of it becomes
    garbage, and looking for that takes an eighth of the start."""
    gc.disable()


def freeze() -> None:
    """Keeps the garbage collector away from objects that live as long as the process: full collections over
    the schemas made the slowest calls four times slower, and would write to memory that a fork shares.

    With 50,000 objects before a collection 50 sessions take 5 MB more, and a call costs the same."""
    gc.freeze()
    gc.set_threshold(10_000, 50, 50)
    gc.enable()


def release() -> None:
    """Returns to the system what is not needed any more. It takes some ten milliseconds.

    Failed calls leave cycles of exceptions and frames, which hold their answers until a full collection; and
    the allocator of glibc keeps the memory of large texts for the next ones.
    """
    gc.collect()
    if _TRIM:
        _TRIM(0)


async def keep_releasing() -> None:
    """Takes back what calls leave, a tenth of the memory of a busy process, until it is cancelled."""
    while True:
        await asyncio.sleep(RELEASE_SECONDS)
        release()


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of glibc; other systems have none."""
