"""The checkout of ToolBridge that this package is part of. A container has the package, but no checkout."""

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
