"""`python -m toolbridge_mcp doctor`: whether a running deployment works, and if not, what to mend."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from toolbridge_mcp.doctor.examination import Finding, Visit, examine
from toolbridge_mcp.setting_types import is_safe_url
from toolbridge_mcp.settings import Settings, WrongSetting, explain, from_environment

__all__ = ["main"]

TOKEN_VARIABLE = "TOOLBRIDGE_TOKEN"  # noqa: S105  its name, not its value
DESCRIPTION = (
    "Checks a running deployment, with the settings that the gateway has: one line a check, and for the "
    "first failure what to do. Ends with 0 when nothing failed and with 1 otherwise."
)


def main(arguments: Sequence[str], now: Callable[[], float] = time.time) -> int:
    """Prints one line for each check; returns 1 when one failed. `now` is the clock of this machine."""
    options = _parser().parse_args(arguments)
    talkative = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # libraries would talk in between
    try:
        return _examine(options, now)
    finally:
        logging.disable(talkative)


def _examine(options: argparse.Namespace, now: Callable[[], float]) -> int:
    try:
        settings = from_environment()
    except ValidationError as error:
        return _show([Finding("settings", "failed", line) for line in explain(error).splitlines()])
    except WrongSetting as error:
        return _show([Finding("settings", "failed", error.sentence)])
    token = options.token or os.environ.get(TOKEN_VARIABLE, "").strip() or None
    return asyncio.run(_examined(Visit(settings, options.url or _address(settings), token, now)))


async def _examined(visit: Visit) -> int:
    failed = _show([Finding("settings", "ok", "")])
    async for finding in examine(visit):
        failed |= _show([finding])
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m toolbridge_mcp doctor", description=DESCRIPTION)
    parser.add_argument(
        "--url",
        type=_safe_url,
        help="the gateway as clients know it (else TOOLBRIDGE_PUBLIC_URL, else this machine)",
    )
    parser.add_argument(
        "--token",
        help=f"a user's token; better in the environment as {TOKEN_VARIABLE}, where others do not see it",
    )
    return parser


def _safe_url(value: str) -> str:
    """A user's token goes there, so plain http is for this machine only."""
    if not is_safe_url(value):
        raise argparse.ArgumentTypeError("must be an address with https (http only on this machine)")
    return value


def _address(settings: Settings) -> str:
    if settings.public_url:
        return settings.public_url
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  reached, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _show(findings: Sequence[Finding]) -> int:
    for finding in findings:
        detail = f": {finding.says}" if finding.says else ""
        sys.stdout.write(f"{finding.state:<11} {finding.check}{detail}\n")
        sys.stdout.flush()
    return int(any(finding.state == "failed" for finding in findings))
