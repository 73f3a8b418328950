"""One JSON object a line on standard output, with nothing secret in it."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


_LIBRARIES = {
    "fastmcp": logging.WARNING,
    "fastmcp.server.auth": logging.ERROR,  # its warnings quote the claims of refused tokens
    "mcp": logging.WARNING,
    "mcp.server.sse": logging.CRITICAL,  # it speaks only of what clients sent wrongly
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}
_LEFT_BY_CLIENTS = ("uvicorn.error", "mcp.server.streamable_http")


def _is_not_a_client_that_left(record: logging.LogRecord) -> bool:
    """A client that leaves in the middle, whatever library notices it, is no fault of the server."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ not in {
        "ClosedResourceError",
        "BrokenResourceError",
        "ClientDisconnect",
    }


class JsonLines(logging.Formatter):
    """Writes time, level, logger, message and the fields given by `extra`.

    An exception is written as its type and the places it passed: its text may quote a payload, a token or
    an address.
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
    """Sends every logger of the process through `JsonLines`.

    Libraries stay at warnings whatever `level` says: FastMCP and the MCP SDK log arguments and whole
    messages at their debug level.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name, least in _LIBRARIES.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(least)
    for name in _LEFT_BY_CLIENTS:
        logging.getLogger(name).addFilter(_is_not_a_client_that_left)
    logging.getLogger("toolbridge_mcp").setLevel(level.upper())
