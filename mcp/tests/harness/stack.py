"""What runs in the container, as it runs there: launcher, supervisord, watchdog, API and gateway."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.harness.both_ways import FOLDER
from tests.harness.processes import GATEWAY_FOLDER, REPOSITORY, SECRETS, Process, free_port

CONFIGURATION = REPOSITORY / "supervisord.conf"

PYTHON = f"""#!/bin/sh
[ "$1 $2" = "-m toolbridge_mcp" ] && shift 2 && set -- -m tests.harness.both_ways.gateway "$@"
exec {sys.executable} "$@"
"""
"""Python, with the calls of the gateway recorded."""


def stack_process(
    api: Path, folder: Path, configuration: Callable[[str], str] = str, /, **settings: str
) -> Process:
    """A stack that is not started yet. `api` is the API's program; `configuration` edits supervisord.conf."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "toolbridge-api").symlink_to(api)
    if FOLDER in os.environ:
        (programs / "python").write_text(PYTHON)
        (programs / "python").chmod(0o755)
    (folder / "mcp").symlink_to(GATEWAY_FOLDER)
    (folder / "supervisord.conf").write_text(configuration(CONFIGURATION.read_text()))
    port = free_port()
    environment = {
        **SECRETS,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TOOLBRIDGE_HOME": str(folder),
        "TOOLBRIDGE_PIDFILE": str(folder / "supervisord.pid"),
        "TOOLBRIDGE_HOST": "127.0.0.1",
        "TOOLBRIDGE_PORT": str(port),
        "API_PORT": str(free_port()),
        "DATABASE_URL": f"sqlite://{folder}/toolbridge.db",
        **settings,
    }
    command = [sys.executable, "-m", "toolbridge_mcp.supervision"]
    return Process(command, environment, port, folder / "log")


def change_api(stack: Process, api: Path) -> None:
    """The program that the next start of the API runs."""
    program = stack.log.parent / "bin/toolbridge-api"
    program.unlink()
    program.symlink_to(api)


def entries(stack: Process) -> list[dict[str, object]]:
    return [json.loads(line) for line in stack.log.read_text().splitlines()]


def messages(stack: Process) -> list[str]:
    return [str(entry["message"]) for entry in entries(stack)]


def pids(stack: Process, program: str) -> list[int]:
    """Those of a program's processes so far."""
    spawned = (re.match(rf"spawned: '{program}' with pid (\d+)", said) for said in messages(stack))
    return [int(found[1]) for found in spawned if found]


def serving(stack: Process) -> int:
    """The gateway's process that serves, which the process that supervisord knows has forked. Waits for one
    while there is none."""
    while not (children := psutil.Process(pids(stack, "gateway")[-1]).children()):
        time.sleep(0.01)
    return children[0].pid


def supervisord(stack: Process) -> int:
    """Its process id."""
    return int(Path(stack.environment["TOOLBRIDGE_PIDFILE"]).read_text())
