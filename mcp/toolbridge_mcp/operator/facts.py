"""The facts of the operator's page. `/?json` shows them as they are; `page.py` makes a page of them."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeAlias

from toolbridge_mcp import __version__
from toolbridge_mcp.logs import hashed
from toolbridge_mcp.operator import api
from toolbridge_mcp.operator.api import JOURNAL, METRICS, READY, Said
from toolbridge_mcp.operator.examination import Examination, Findings
from toolbridge_mcp.operator.figures import Figures
from toolbridge_mcp.operator.history import MOST_MINUTES, OTHERS, Counts, History, Hour, Slow
from toolbridge_mcp.operator.state import State, failures, state_of
from toolbridge_mcp.operator.watched import Watched
from toolbridge_mcp.operator.words import duration
from toolbridge_mcp.sender import User
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.telemetry import OK
from toolbridge_mcp.telemetry.tallies import BYTES_PER_TOKEN
from toolbridge_mcp.transport import Signer

Json: TypeAlias = dict[str, Any]

OWN = (
    *(
        "toolbridge_api_circuit_state",
        "toolbridge_calls_running",
        "toolbridge_calls_waiting",
        "toolbridge_clock_difference_seconds",
        "toolbridge_held",
    ),
    *("toolbridge_keys", "toolbridge_keys_age_seconds", "toolbridge_limit", "toolbridge_processes_replaced"),
    "toolbridge_sessions",
)
"""The metrics of the gateway that the page looks at."""

MOST_CALLERS = 20
MOST_SLOWEST = 10
REPLACED_SECONDS = 600
RECENT_MINUTES = 6
"""How many of the last minutes say how calls fare now, the present one included."""


@dataclass(frozen=True)
class Seen:
    """What was looked at for one page, all at about the same time."""

    at: float
    watched: Watched
    ready: Said
    gateway: Figures
    api: Figures
    journal: Said


class Facts:
    """Gathers the facts whenever a page is read, of a process that begins to serve now. It takes its `turn`
    when the API has answered."""

    def __init__(
        self, settings: Settings, signer: Signer, watched: Watched, history: History, turn: Lock
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._watched = watched
        self._history = history
        self._turn = turn
        self._examination = Examination(settings, signer)

    def gathered(self) -> Json:
        findings = self._examination.findings()
        said = api.ask(self._settings, self._signer, READY, METRICS, JOURNAL, seconds=api.PAGE_SECONDS)
        with self._turn:
            return self._facts(findings, said)

    def _facts(self, findings: Findings, said: Mapping[str, Said]) -> Json:
        seen = Seen(
            at=time.time(),
            watched=self._watched,
            ready=said[READY],
            gateway=Figures.own(*OWN),
            api=Figures.read(said[METRICS].content) if said[METRICS].is_ok else Figures(),
            journal=said[JOURNAL],
        )
        minutes = self._history.minutes()
        more = [*failures(minutes[-RECENT_MINUTES:]), *_failed(findings), *_replaced(seen, self._history)]
        return {
            "at": written(seen.at),
            "tenant": self._settings.tenant_id,
            "state": _state(state_of(seen.watched, seen.ready, seen.gateway, seen.api, more)),
            "now": _now(seen),
            "hour": self._hour(Hour(minutes)),
            "storage": _storage(seen),
            "versions": self._versions(seen),
            "doctor": _doctor(findings),
            "journal": _journal(seen.journal),
        }

    def _hour(self, hour: Hour) -> Json:
        refused = sorted(hour.refused().items(), key=lambda one: -one[1])
        return {
            "since": written(hour.minutes[0].began_at),
            "is_whole": len(hour.minutes) > MOST_MINUTES,
            **_sums(hour.all),
            "minutes": [{"at": written(minute.began_at), **_sums(minute.all)} for minute in hour.minutes],
            "tools": [{"tool": name, **_sums(counts)} for name, counts in _dearest(hour.tools())],
            "errors": _errors(hour),
            "clients": [{"client": name, **_sums(counts)} for name, counts in _dearest(hour.clients())],
            "callers": self._callers(hour),
            "slowest": [_slow(one) for one in hour.slowest(MOST_SLOWEST)],
            "refusals": [{"reason": reason, "count": count} for reason, count in refused],
        }

    def _callers(self, hour: Hour) -> list[Json]:
        """Those with the most calls. The others are one."""
        rows = hour.callers()
        named = sorted(
            (user for user in rows if user != OTHERS), key=lambda user: rows[user][0], reverse=True
        )
        shown = {self._shown(user): rows[user] for user in named[:MOST_CALLERS]}
        rest = [rows[user] for user in (*named[MOST_CALLERS:], *([OTHERS] if OTHERS in rows else []))]
        table = [*shown.items(), *([(None, tuple(map(sum, zip(*rest, strict=True))))] if rest else [])]
        return [
            {"subject": subject, "calls": calls, "failed": failed, **_size(size)}
            for subject, (calls, failed, size) in table
        ]

    def _shown(self, user: User) -> str:
        """A user as log lines name them."""
        subject = user[1]
        return (
            hashed(self._settings.tenant_id, subject) if self._settings.log_subjects == "hashed" else subject
        )

    def _versions(self, seen: Seen) -> Json:
        began_at = self._history.began_at
        return {
            "gateway": __version__,
            "api": seen.api.label("toolbridge_api_build_info", "version"),
            "began_at": written(began_at),
            "uptime_seconds": round(seen.at - began_at),
            "processes_replaced": _whole(seen.gateway.value("toolbridge_processes_replaced")),
        }


def _sums(counts: Counts) -> Json:
    return {
        "calls": counts.calls,
        "failed": counts.failed,
        "p50_ms": _ms(counts.seconds(0.5)),
        "p95_ms": _ms(counts.seconds(0.95)),
        **_size(counts.result_bytes),
    }


def _size(result_bytes: int) -> Json:
    return {"result_bytes": result_bytes, "result_tokens": round(result_bytes / BYTES_PER_TOKEN)}


def _dearest(sums: dict[str, Counts]) -> list[tuple[str, Counts]]:
    """Those first whose results have most to read."""
    return sorted(sums.items(), key=lambda one: (-one[1].result_bytes, -one[1].calls, one[0]))


def _errors(hour: Hour) -> list[Json]:
    """The outcomes that are no success, with the tools that have them, the most frequent first."""
    by: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (tool, outcome), count in hour.outcomes().items():
        if outcome != OK:
            by[outcome][tool] = count
    rows = sorted(by.items(), key=lambda one: -sum(one[1].values()))
    return [
        {"outcome": outcome, "calls": sum(tools.values()), "tools": dict(Counter(tools).most_common())}
        for outcome, tools in rows
    ]


def _slow(one: Slow) -> Json:
    return {
        "at": written(one.at),
        "tool": one.tool,
        "ms": _ms(one.seconds),
        "outcome": one.outcome,
        "stages_ms": {stage: _ms(seconds) for stage, seconds in one.stages},
        "client": one.client,
        "correlation_id": one.correlation_id,
        "trace_id": one.trace_id,
    }


def _replaced(seen: Seen, history: History) -> list[str]:
    number = seen.gateway.value("toolbridge_processes_replaced")
    ago = seen.at - history.began_at
    return (
        [f"the serving process was replaced {duration(ago)} ago"] if number and ago < REPLACED_SECONDS else []
    )


def _failed(findings: Findings) -> list[str]:
    return [f"doctor: {one.check} failed" for one in findings.found if one.state == "failed"]


def _doctor(findings: Findings) -> Json:
    return {
        "at": written(findings.at) if findings.at else None,
        "findings": [{"check": one.check, "state": one.state, "says": one.says} for one in findings.found],
        "problem": findings.problem or None,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def _state(state: State) -> Json:
    return {"is": state.word, "because": state.reasons, "says": state.sentence}


def _now(seen: Seen) -> Json:
    circuit = {0: "closed", 1: "half open", 2: "open"}
    state = _whole(seen.gateway.value("toolbridge_api_circuit_state"))
    held, limits = (seen.gateway.by(name, "kind") for name in ("toolbridge_held", "toolbridge_limit"))
    return {
        "running": _whole(seen.gateway.value("toolbridge_calls_running")),
        "waiting": _whole(seen.gateway.value("toolbridge_calls_waiting")),
        "sessions": {
            transport: _whole(count)
            for transport, count in seen.gateway.by("toolbridge_sessions", "transport").items()
        },
        "breaker": circuit.get(-1 if state is None else state),
        "clock_difference_seconds": _whole(seen.gateway.value("toolbridge_clock_difference_seconds")),
        "limits": [
            {"kind": kind, "held": _whole(held.get(kind)), "limit": _whole(limits.get(kind))}
            for kind in sorted(held.keys() | limits.keys())
        ],
        "keys": {
            "gateway": _whole(seen.gateway.value("toolbridge_keys")),
            "gateway_age_seconds": _whole(seen.gateway.value("toolbridge_keys_age_seconds")),
            "api": _whole(seen.api.value("toolbridge_api_keys")),
            "api_age_seconds": _whole(seen.api.value("toolbridge_api_keys_age_seconds")),
        },
    }


def _storage(seen: Seen) -> Json:
    connections = seen.api.by("db_client_connection_count", "db_client_connection_state")
    return {
        "disk_free_bytes": _whole(seen.api.value("toolbridge_disk_free_bytes")),
        "disk_size_bytes": _whole(seen.api.value("toolbridge_disk_size_bytes")),
        "database_bytes": _whole(seen.api.value("toolbridge_database_bytes")),
        "quota_items_used": _share(seen.api.value("toolbridge_api_quota_used_ratio", quota="items")),
        "quota_bytes_used": _share(seen.api.value("toolbridge_api_quota_used_ratio", quota="bytes")),
        "connections_used": _whole(connections.get("used")),
        "connections_idle": _whole(connections.get("idle")),
        "connections_most": _whole(seen.api.value("db_client_connection_max")),
    }


def _journal(said: Said) -> Json:
    """The lines as the API gives them, or why there are none."""
    if said.status == 0:
        return {"lines": [], "problem": "The API did not answer in time."}
    if not said.is_ok:
        reason = "The API gives no journal: it is not ready, runs elsewhere, or is of an older version."
        return {"lines": [], "problem": reason}
    try:
        lines = json.loads(said.content)["lines"]
    except (ValueError, KeyError, TypeError):
        return {"lines": [], "problem": "The API gave no journal that can be read."}
    return {"lines": lines, "problem": None}


def _whole(value: float | None) -> int | None:
    return None if value is None or value != value or abs(value) == float("inf") else round(value)


def _share(value: float | None) -> float | None:
    return None if value is None or value != value or abs(value) == float("inf") else round(value, 3)


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
