"""Log lines: one JSON object each, on standard output, without secrets."""

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import TextIO

from toolbridge_mcp.library_seams import DISCONNECT_ERRORS, DISCONNECT_LOGGERS, LOG_LEVELS
from toolbridge_mcp.telemetry import Operation

_OWN = len(logging.makeLogRecord({}).__dict__)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_encode = json.JSONEncoder(default=str).encode


class _ServerErrors(logging.Filter):
    """Drops reports of a client that disconnected: that is no error of the server."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        return kind is None or kind.__name__ not in DISCONNECT_ERRORS


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message and the fields given by `extra`.

    An exception appears as its type and its traceback's places. Its text is left out: it may quote a payload,
    a token or an address.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _written(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_fields(record))
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return _encode(line)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """The fields given by `extra`. They are set on a record after its own."""
    given = islice(record.__dict__.items(), _OWN, None)
    return {key: value for key, value in given if key not in _STANDARD}


class _Output(logging.StreamHandler[TextIO]):
    """Standard output. Each line is written at once, and one after the other."""

    def write(self, line: str) -> None:
        """Writes a line that is no record's."""
        self.acquire()
        try:
            self.stream.write(f"{line}\n")
            self.stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            self.handleError(logging.makeLogRecord({"msg": line}))
        finally:
            self.release()


logger = logging.getLogger("toolbridge_mcp.calls")
_output: _Output | None = None


def log_call(operation: Operation) -> None:
    """Writes the one line of a call: at level INFO, or at ERROR with the places of a fault that nobody
    expected. A message that is no call has none.

    The usual line has no record. Handing one from logger to logger costs three times as much as writing.
    """
    tool, outcome = operation.name, operation.outcome
    seconds, correlation_id = operation.seconds, operation.correlation_id
    if not tool:
        return
    if operation.fault is not None:
        fields = {"tool": tool, "outcome": outcome, "ms": _ms(seconds), "correlation_id": correlation_id}
        logger.error("tool call", extra=fields, exc_info=operation.fault)
    elif _output is not None and logger.isEnabledFor(logging.INFO):
        _output.write(
            f'{{"time": "{_written(time.time())}", "level": "info", "logger": "{logger.name}", '
            f'"message": "tool call", "tool": "{tool}", "outcome": "{outcome}", '
            f'"ms": {_ms(seconds)}, "correlation_id": {json.dumps(correlation_id)}}}'
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _written(moment: float) -> str:
    second = int(moment)
    return f"{_written_second(second)}.{int((moment - second) * 1000):03d}+00:00"


@lru_cache(maxsize=1)
def _written_second(second: int) -> str:
    """It is the same for many lines, and costs more than the rest of one."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def configure(level: str) -> None:
    """Sends every logger of the process through `JsonFormatter`.

    `level` is that of the gateway's own loggers. Libraries log warnings only: FastMCP and the MCP SDK log
    arguments and whole messages at their debug level.
    """
    global _output
    _output = _Output(sys.stdout)
    _output.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[_output], level=logging.WARNING, force=True)
    for name, least in LOG_LEVELS.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(least)
    for name in DISCONNECT_LOGGERS:
        logging.getLogger(name).addFilter(_ServerErrors())
    logging.getLogger("toolbridge_mcp").setLevel(level.upper())
