"""What the process itself takes of the machine."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from toolbridge_mcp.metrics.families import gauge

SHORTEST_SECONDS = 5.0
"""Over less time than this, a percentage says little."""

_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


class Processor:
    """How much of a processor the process takes."""

    def __init__(self) -> None:
        self._percent = 0.0
        self._asked: tuple[float, float] | None = None

    def percent(self) -> float:
        """Over the time since it was last asked for, or over a little more if that was just now. 0 at first:
        a process that was forked does not know when it began."""
        now, spent = time.monotonic(), time.process_time()
        before, spent_before = self._asked or (now, spent)
        if now - before >= SHORTEST_SECONDS:
            self._percent = 100 * (spent - spent_before) / (now - before)
        if self._asked is None or now - before >= SHORTEST_SECONDS:
            self._asked = now, spent
        return self._percent


def memory_bytes() -> int:
    """The memory that the process has; where the system does not say, the most that it had."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


_processor = Processor()


def process() -> Iterator[Metric]:
    yield gauge(
        "mcp_cpu_usage_percent",
        "Processor time of the gateway since the metrics were read before, in percent of one processor.",
        (),
        [((), _processor.percent())],
    )
    yield gauge("mcp_memory_usage_mb", "Memory of the gateway, in MB.", (), [((), memory_bytes() / 1e6)])
