"""Log lines: one JSON object each, on standard output, without secrets."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from toolbridge_mcp.library_seams import DISCONNECT_ERRORS, DISCONNECT_LOGGERS, LOG_LEVELS

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


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
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Sends every logger of the process through `JsonFormatter`.

    `level` is that of the gateway's own loggers. Libraries log warnings only: FastMCP and the MCP SDK log
    arguments and whole messages at their debug level.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name, least in LOG_LEVELS.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(least)
    for name in DISCONNECT_LOGGERS:
        logging.getLogger(name).addFilter(_ServerErrors())
    logging.getLogger("toolbridge_mcp").setLevel(level.upper())
