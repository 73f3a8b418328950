"""A gateway whose clock a test moves while it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.harness.processes import Process

PROGRAM = """
import runpy, time
from pathlib import Path
right, offset = time.time, Path({!r})
time.time = lambda: right() + float(offset.read_text())
runpy.run_module("toolbridge_mcp", run_name="__main__")
"""


@dataclass(frozen=True)
class MovedClock:
    """How far the clock of a process is ahead of the machine's."""

    file: Path

    @classmethod
    def of(cls, process: Process, folder: Path) -> Self:
        """The clock of a gateway that is not started yet."""
        clock = cls(folder / "clock")
        clock.move(0)
        process.command[1:3] = ["-c", PROGRAM.format(str(clock.file))]
        return clock

    def move(self, seconds: float) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.file)
