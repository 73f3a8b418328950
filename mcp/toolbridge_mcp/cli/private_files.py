"""Files that only their owner can read, replaced in one step."""

import os
import tempfile
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Whoever reads the file finds all of the old text or all of the new, also after a loss of power (the
    file is on the disk before it has its name). No copy is ever readable to others: mkstemp's mode is 600.
    Raises OSError, and then leaves the file as it was."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(path.parent)


def prefix(path: Path) -> str:
    """How the names begin under which a new content is written. One that was killed leaves such a file."""
    return f".{path.name.removeprefix('.')}."


def _sync(folder: Path) -> None:
    """Puts the names in a folder onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
