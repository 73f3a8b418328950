"""The facts of the operator's page. `/?json` shows them as they are; `page.py` makes a page of them."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from toolbridge_mcp import __version__
from toolbridge_mcp.operator import api
from toolbridge_mcp.operator.api import JOURNAL, METRICS, READY, Said
from toolbridge_mcp.operator.figures import Figures
from toolbridge_mcp.operator.state import State, state_of
from toolbridge_mcp.operator.watched import Watched
from toolbridge_mcp.settings import Settings

Json: TypeAlias = dict[str, Any]


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
    """Gathers the facts whenever a page is read."""

    def __init__(self, settings: Settings, watched: Watched) -> None:
        self._settings = settings
        self._watched = watched
        self._began_at = time.time()

    def gathered(self) -> Json:
        said = api.ask(self._settings, READY, METRICS, JOURNAL, seconds=api.PAGE_SECONDS)
        seen = Seen(
            at=time.time(),
            watched=self._watched,
            ready=said[READY],
            gateway=Figures.own(),
            api=Figures.read(said[METRICS].content) if said[METRICS].is_ok else Figures(),
            journal=said[JOURNAL],
        )
        return {
            "at": written(seen.at),
            "tenant": self._settings.tenant_id,
            "state": _state(state_of(seen.watched, seen.ready, seen.gateway, seen.api)),
            "now": _now(seen),
            "storage": _storage(seen),
            "versions": self._versions(seen),
            "journal": _journal(seen.journal),
        }

    def _versions(self, seen: Seen) -> Json:
        return {
            "gateway": __version__,
            "api": seen.api.label("toolbridge_api_build_info", "version"),
            "began_at": written(self._began_at),
            "uptime_seconds": round(seen.at - self._began_at),
            "processes_replaced": _whole(seen.gateway.value("toolbridge_processes_replaced")),
        }


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
        "connections_used": _whole(connections.get("used")),
        "connections_idle": _whole(connections.get("idle")),
        "connections_most": _whole(seen.api.value("db_client_connection_max")),
    }


def _journal(said: Said) -> Json:
    """The lines as the API gives them, or why there are none."""
    if said.status == 0:
        return {"lines": [], "problem": "The API did not answer in time."}
    if not said.is_ok:
        reason = "The API shows its journal to its own machine only, and from version 1.1 on."
        return {"lines": [], "problem": reason}
    try:
        lines = json.loads(said.content)["lines"]
    except (ValueError, KeyError, TypeError):
        return {"lines": [], "problem": "The API gave no journal that can be read."}
    return {"lines": lines, "problem": None}


def _whole(value: float | None) -> int | None:
    return None if value is None or value != value or abs(value) == float("inf") else round(value)


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
