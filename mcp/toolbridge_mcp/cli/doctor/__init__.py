"""`toolbridge doctor`: whether a running deployment works, and if not, what to fix."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from toolbridge_mcp.cli.doctor.examination import LOOKS, Finding, Visit, examine
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.stack import complete_for_commands
from toolbridge_mcp.listening import local_url
from toolbridge_mcp.settings import Settings, WrongSetting, explain, from_environment
from toolbridge_mcp.telemetry.trace_settings import trace_settings
from toolbridge_mcp.transport import Signer

__all__ = ["LOOKS", "Finding", "Visit", "address", "examine", "run"]


def run(url: str | None, token: str | None, now: Callable[[], float] = time.time) -> int:
    """Prints one line for each check and returns 1 if one failed, else 0. Without `url` the gateway is at its
    public address or on this machine. `now` is this machine's clock, in seconds since 1970."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # lines of libraries would appear in between
    try:
        return _run(url, token, now)
    finally:
        logging.disable(disabled)


def _run(url: str | None, token: str | None, now: Callable[[], float]) -> int:
    try:
        complete_for_commands(os.environ)
        settings = from_environment()
        trace_settings(os.environ)
        signer = Signer.of(settings, now=now)
        visit = Visit(settings, signer, url or address(settings), token, now, owns_process=True)
        return asyncio.run(_examined(visit))
    except ValidationError as error:
        return _show([Finding("settings", "failed", line) for line in explain(error).splitlines()])
    except WrongSetting as error:
        return _show([Finding("settings", "failed", error.sentence)])
    except WrongUsage as error:
        return _show([Finding("settings", "failed", error.message)])


async def _examined(visit: Visit) -> int:
    failed = 0
    async for finding in examine(visit):
        failed |= _show([finding])
    return failed


def address(settings: Settings) -> str:
    """Where clients reach a gateway with these settings."""
    return settings.public_url or local_url(settings.host, settings.port)


def _show(findings: Sequence[Finding]) -> int:
    for finding in findings:
        detail = f": {finding.says}" if finding.says else ""
        sys.stdout.write(f"{finding.state:<11} {finding.check}{detail}\n")
        sys.stdout.flush()
    return int(any(finding.state == "failed" for finding in findings))
