"""The checkout of ToolBridge that this package is part of. A container has the package, but no checkout."""

import os
import shutil
import sys
from pathlib import Path

from toolbridge_mcp.cli.failures import Failure

HOME = Path(__file__).resolve().parents[3]
"""The folder that holds mcp/ and supervisord.conf."""


def is_checkout() -> bool:
    return (HOME / "scripts/run.sh").is_file()


def need_checkout(command: str) -> None:
    """Raises `Failure` where there are no sources to run or to deploy."""
    if not is_checkout():
        raise Failure(
            f"`toolbridge {command}` works in a checkout of ToolBridge only; there is none at {HOME}."
        )


def typed(arguments: str) -> str:
    """The command as a person can type it: with its path if PATH does not find it."""
    found = shutil.which("toolbridge")
    program = "toolbridge" if found else os.path.relpath(Path(sys.executable).with_name("toolbridge"))
    return f"`{program} {arguments}`"
