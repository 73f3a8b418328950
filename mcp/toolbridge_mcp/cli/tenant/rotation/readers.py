"""What the programs of this machine's stack say about the keys that they have read."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import psutil

from toolbridge_mcp.cli import running
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.keyring import LOOK_SECONDS
from toolbridge_mcp.uses import Use

SETTLE_SECONDS = 10 * LOOK_SECONDS
"""When a program that does not say so has read a change. It needs two or three looks, and may be busy."""

PATIENCE_SECONDS = 30
"""How long a busy program may take that says so."""

READ = "read the keys again"
STARTED = "listening"
NOT_READ = "the file with the keys cannot be used, so the known keys stay in use"
API, GATEWAY = "API", "gateway"
LEVELS = {API: "LOG_LEVEL", GATEWAY: "TOOLBRIDGE_LOG_LEVEL"}


class Readers:
    """The programs that read a file with keys, as their log says. A program whose level keeps the line out of
    the log is given `SETTLE_SECONDS`."""

    def __init__(self, stack: Stack, use: Use, file: Path) -> None:
        """Raises `Failure` if they do not run, or have their keys from elsewhere."""
        self._log = stack.log
        self._use = use
        environment = _environment(stack)
        if environment.get(use.file) != str(file):
            raise Failure(
                f"The programs that run do not read {file}, as they were started in another way. "
                "Stop them, and start them with scripts/run.sh."
            )
        self.names = [GATEWAY] if stack.given_api else [API, GATEWAY]
        self._saying = {name for name in self.names if _tells(environment.get(LEVELS[name]))}

    def mark(self) -> int:
        """The place in the log behind which a change is reported that is made now."""
        return self._log.stat().st_size

    def wait(self, ids: Sequence[str], mark: int) -> None:
        """Returns when all have read a file with these keys. Raises `Failure`."""
        begun = time.monotonic()
        silent = set(self._saying)
        while silent:
            silent -= set(self._have_read(ids, mark))
            if time.monotonic() > begun + PATIENCE_SECONDS:
                names = " and ".join(sorted(silent))
                raise Failure(f"the {names} did not read the keys within {PATIENCE_SECONDS} s")
            time.sleep(0.02)
        if len(self._saying) < len(self.names):
            time.sleep(max(0.0, begun + SETTLE_SECONDS - time.monotonic()))

    def _have_read(self, ids: Sequence[str], mark: int) -> Iterator[str]:
        for entry in self._entries(mark):
            name = API if str(entry.get("logger", "")).startswith("toolbridge_api") else GATEWAY
            if name == API and entry.get("message") == STARTED and _is_settled(entry):
                yield name  # it has read the file when it started, or since
            if entry.get("use") != self._use.name:
                continue
            if entry["message"] == NOT_READ:
                raise Failure(f"the {name} cannot use the file: {entry.get('error')}")
            if entry["message"] == READ and entry.get("keys") == list(ids):
                yield name

    def _entries(self, mark: int) -> Iterator[dict[str, object]]:
        """The last line may not be complete yet."""
        with self._log.open("rb") as file:
            file.seek(mark)
            lines = file.read().splitlines()
        return (json.loads(line) for line in lines if line.endswith(b"}"))


def _is_settled(entry: dict[str, object]) -> bool:
    """Whether a program that wrote this when it started has looked at its files since."""
    return datetime.fromisoformat(str(entry["time"])).timestamp() < time.time() - SETTLE_SECONDS


def _tells(level: str | None) -> bool:
    return level is None or level.lower() in {"info", "debug"}


def _environment(stack: Stack) -> dict[str, str]:
    process = running.leader(stack) if running.is_running(stack) else None
    if process is None:
        raise Failure(
            f"Nothing runs on {stack.data}, so no call can fail: put another secret into the settings file, "
            "and the next start takes it."
        )
    try:
        return process.environ()
    except psutil.Error as error:
        raise Failure(f"The stack on {stack.data} is another user's, or ends just now.") from error
