"""Log lines: one JSON object each, on standard output, without secrets; or as text, for people."""

import asyncio
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import TextIO

from toolbridge_mcp.library_seams import DISCONNECT_ERRORS, DISCONNECT_LOGGERS, LOG_LEVELS
from toolbridge_mcp.readable import has_colours, readable
from toolbridge_mcp.telemetry import STAGES, Operation

_OWN = len(logging.makeLogRecord({}).__dict__)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_OF_STAGES = ["".join(f'"{stage}_ms": %s, ' for stage in STAGES[:known]) for known in range(len(STAGES) + 1)]
"""The members for so many stages."""

REFUSALS_SECONDS = 60.0
"""How often refusals have lines, if there were any."""

_encode = json.JSONEncoder(default=str).encode

REMEMBERED_CALLERS = 4_096
"""Of so many callers it is known how a line tells of them."""


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


class _Text(JsonFormatter):
    """Formats a record as a line for people."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        return self.shown(super().format(record))

    def shown(self, line: str) -> str:
        return readable(line, coloured=self._coloured)


class _Output(logging.StreamHandler[TextIO]):
    """Standard output. Each line is written at once, and one after the other."""

    def write(self, line: str) -> None:
        """Writes a line that is no record's."""
        text = self.formatter.shown(line) if isinstance(self.formatter, _Text) else line
        self.acquire()
        try:
            self.stream.write(f"{text}\n")
            self.stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            self.handleError(logging.makeLogRecord({"msg": text}))
        finally:
            self.release()


class _Calls:
    """The lines of calls."""

    def __init__(self, output: _Output, tenant: str, *, hashes_subjects: bool) -> None:
        self._output = output
        self._tenant = tenant
        self._hashes_subjects = hashes_subjects
        self._written_caller = lru_cache(REMEMBERED_CALLERS)(self._caller)

    def write(self, operation: Operation) -> None:
        """A line without a record: handing one from logger to logger costs three times as much as writing."""
        self._output.write(
            f'{{"time": "{_written(time.time())}", "level": "info", "logger": "{logger.name}", '
            f'"message": "tool call", {self._fields(operation)}}}'
        )

    def write_fault(self, operation: Operation, fault: Exception) -> None:
        fields = json.loads(f"{{{self._fields(operation)}}}")
        logger.error("tool call", extra=fields, exc_info=fault)

    def _fields(self, operation: Operation) -> str:
        """What is told of a call, as members of a JSON object. Stages that it did not reach are left out."""
        sender, correlation_id = operation.sender, operation.correlation_id
        caller = self._written_caller(
            sender.user[1] if sender else "", operation.client, operation.transport, operation.revision
        )
        if not correlation_id.isalnum():
            correlation_id = json.dumps(correlation_id)[1:-1]
        trace = f'"trace_id": "{trace_id}", ' if (trace_id := operation.trace_id) else ""
        *known, total = operation.times()
        stages = _OF_STAGES[len(known)] % (*known,)
        return (
            f'"tool": "{operation.name}", "outcome": "{operation.outcome}", '
            f'"ms": {total}, "correlation_id": "{correlation_id}", '
            f'{trace}{caller}, {stages}"bytes_in": {operation.bytes_in}, "bytes_out": {operation.bytes_out}, '
            f'"result_bytes": {operation.result_bytes}'
        )

    def _caller(self, subject: str, client: str | None, transport: str, revision: str) -> str:
        shown = hashed(self._tenant, subject) if self._hashes_subjects else subject
        fields = {"tenant": self._tenant, "subject": shown, "client": client or ""}
        return json.dumps({**fields, "transport": transport, "revision": revision})[1:-1]


def hashed(tenant: str, subject: str) -> str:
    """A name for a user that says nothing about them, the same in all lines of a tenant; empty for nobody."""
    return sha256(f"{tenant}\n{subject}".encode()).hexdigest()[:16] if subject else ""


logger = logging.getLogger("toolbridge_mcp.calls")
_calls: _Calls | None = None


def log_call(operation: Operation) -> None:
    """Writes the one line of a call: at level INFO, or at ERROR with the places of a fault that nobody
    expected. A message that is no call has none."""
    if not operation.name or _calls is None:
        return
    if operation.fault is not None:
        _calls.write_fault(operation, operation.fault)
    elif logger.isEnabledFor(logging.INFO):
        _calls.write(operation)


class _Refusals:
    """The lines of what was refused outside of calls: one for each reason, with the number since the last."""

    def __init__(self, totals: Callable[[], Mapping[str, float]]) -> None:
        self._totals = totals
        self._told = dict(totals())

    def tell(self) -> None:
        totals = self._totals()
        for reason, total in totals.items():
            if count := int(total - self._told.get(reason, 0)):
                logger.info("refused", extra={"reason": reason, "count": count})
        self._told = dict(totals)

    async def keep_telling(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self.tell()


@asynccontextmanager
async def telling_refusals(
    totals: Callable[[], Mapping[str, float]], seconds: float = REFUSALS_SECONDS
) -> AsyncIterator[None]:
    """Writes what was refused, each time that so many seconds are over and at the end. One line each would
    let strangers fill the log. `totals` are the numbers so far, by reason."""
    refusals = _Refusals(totals)
    task = asyncio.create_task(refusals.keep_telling(seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        refusals.tell()


def _written(moment: float) -> str:
    second = int(moment)
    return f"{_written_second(second)}.{int((moment - second) * 1000):03d}+00:00"


@lru_cache(maxsize=1)
def _written_second(second: int) -> str:
    """It is the same for many lines, and costs more than the rest of one."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def configure(level: str, tenant: str = "", *, as_text: bool = False, hashes_subjects: bool = False) -> None:
    """Sends every logger of the process through `JsonFormatter`, or, `as_text`, through one for people.

    `level` is that of the gateway's own loggers. Libraries log warnings only: FastMCP and the MCP SDK log
    arguments and whole messages at their debug level.
    """
    global _calls
    output = _Output(sys.stdout)
    coloured = as_text and has_colours(sys.stdout, os.environ)
    output.setFormatter(_Text(coloured=coloured) if as_text else JsonFormatter())
    _calls = _Calls(output, tenant, hashes_subjects=hashes_subjects)
    logging.basicConfig(handlers=[output], level=logging.WARNING, force=True)
    for name, least in LOG_LEVELS.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(least)
    for name in DISCONNECT_LOGGERS:
        logging.getLogger(name).addFilter(_ServerErrors())
    logging.getLogger("toolbridge_mcp").setLevel(level.upper())
