"""Gateways that start in a moment: forked from a process that has imported their code already.

The import takes 2 s of processor time, and the tests start about 200 gateways. A forked gateway is a process
with an environment, a working directory and an output of its own, and runs what `python -m toolbridge_mcp`
runs. The end-to-end tests start it by that command, as the container does.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals

from tests.harness.both_ways import recording
from tests.harness.log_search import gateway

CODE = ["toolbridge_mcp.app", "toolbridge_mcp.uvicorn_server", "uvicorn", "uvloop"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(CODE)


class ForkedGateway:
    """As much of `subprocess.Popen` as `Process` needs."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        arguments = (dict(environment), folder, log, log)
        # A daemon ends with the tests, however they end.
        self._process = _CONTEXT.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("gateway", timeout or 0)
        return self._process.exitcode


def forked_command(
    environment: Mapping[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """What `toolbridge` with these arguments does, in a process of its own. `folder` takes its output."""
    said = folder / "standard-output", folder / "standard-error"
    for file in said:
        file.unlink(missing_ok=True)
    process = _CONTEXT.Process(target=_run, args=(dict(environment), folder, *said, arguments), daemon=True)
    process.start()
    process.join()
    assert process.exitcode is not None
    return subprocess.CompletedProcess(arguments, process.exitcode, *(file.read_text() for file in said))


def _run(
    environment: Mapping[str, str], folder: Path, log: Path, errors: Path, arguments: Sequence[str] = ()
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for file, stream in ((log, sys.stdout), (errors, sys.stderr)):
        with file.open("ab") as output:
            os.dup2(output.fileno(), stream.fileno())
    recording.record()
    gateway.note()
    sys.argv[:] = ["toolbridge_mcp", *arguments]
    runpy.run_module("toolbridge_mcp", run_name="__main__", alter_sys=True)
