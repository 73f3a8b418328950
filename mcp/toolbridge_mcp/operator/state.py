"""The one line on top: whether all is well, and if not, why."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from toolbridge_mcp.operator.api import Said
from toolbridge_mcp.operator.figures import Figures
from toolbridge_mcp.operator.history import Minute
from toolbridge_mcp.operator.watched import Watched

SCARCE = 0.15
"""The part of a disk below which it is nearly full, as in the alert ToolBridgeDiskNearlyFull."""

FULL = 0.8
"""The part of a limit above which callers are about to be refused, as in the alert ToolBridgeLimitNear."""

OLD_KEYS_SECONDS = 3600
MOST_QUOTED = 200
DEGRADED = "degraded: "

FAILING = 0.05
LEAST_FAILED = 3
"""Of the last calls at least this part and number failed before it is said on top."""

OURS = frozenset(
    {
        *{"AnswerTooLong", "ApiFailed", "BadAnswer", "CircuitOpen", "DiskFull", "IssuedTokenRefused"},
        *{"NoSuchOperation", "NotReached", "OutcomeUnknown", "SessionRefused", "TenantRefused"},
        *{"TimedOut", "TimedOutWrite"},
        *{"TokenServiceMisconfigured", "TokenServiceUnavailable", "ToolBridgeError", "Unavailable"},
    }
)
"""Outcomes for which a caller can do nothing: those of the alert ToolBridgeCallsFail."""

Word = Literal["fine", "degraded", "refused"]
_BEGINNINGS = {"fine": "Fine", "degraded": "Degraded", "refused": "Calls are refused"}


class State(NamedTuple):
    word: Word
    reasons: list[str]

    @property
    def sentence(self) -> str:
        because = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"{_BEGINNINGS[self.word]}{because}."


def state_of(
    watched: Watched, ready: Said, gateway: Figures, api: Figures, more: list[str] | None = None
) -> State:
    """`more` are further reasons for less than all."""
    if refused := _refusals(watched, ready, gateway):
        return State("refused", refused)
    degraded = [*_warnings(watched, ready, gateway, api), *(more or [])]
    return State("degraded", degraded) if degraded else State("fine", [])


def _refusals(watched: Watched, ready: Said, gateway: Figures) -> list[str]:
    reasons = []
    if watched.is_stopping():
        reasons.append("the gateway is stopping")
    if ready.status == 0:
        reasons.append("the API does not answer")
    elif ready.status not in {200, 404}:  # the first generation has no /readyz
        reasons.append(f"the API is not ready{_quoted(ready)}")
    if watched.is_cut_off():
        reasons.append("the circuit breaker is open")
    if gateway.value("toolbridge_keys") == 0:
        reasons.append("no key is known, so that no token can be checked")
    return [*reasons, *(sentence.rstrip(".") for sentence in watched.disagreements())]


def _warnings(watched: Watched, ready: Said, gateway: Figures, api: Figures) -> list[str]:
    said = _degraded(ready) or watched.warning()
    reasons = [said] if said else []
    reasons += [sentence.rstrip(".") for sentence in watched.cautions()]
    free, size = api.value("toolbridge_disk_free_bytes"), api.value("toolbridge_disk_size_bytes")
    if not said and free is not None and size and free / size < SCARCE:
        reasons.append(f"the disk is {1 - free / size:.0%} full")
    held, limits = (gateway.by(name, "kind") for name in ("toolbridge_held", "toolbridge_limit"))
    for kind, most in sorted(limits.items()):
        if most and held.get(kind, 0) / most >= FULL:
            reasons.append(f"{kind.replace('_', ' ')} are at {held[kind] / most:.0%} of their limit")
    if (age := gateway.value("toolbridge_keys_age_seconds")) is not None and age > OLD_KEYS_SECONDS:
        reasons.append(f"the keys are {age / 60:.0f} minutes old: the identity provider does not answer")
    return reasons


def failures(minutes: Sequence[Minute]) -> list[str]:
    """Whether calls failed in these minutes for a reason that is not the caller's."""
    calls, failed = 0, Counter[str]()
    for minute in minutes:
        calls += minute.all.calls
        for (_, outcome), count in minute.outcomes.items():
            if outcome in OURS:
                failed[outcome] += count
    if not failed or failed.total() < max(LEAST_FAILED, FAILING * calls):
        return []
    often = ", ".join(f"{outcome} {count}" for outcome, count in failed.most_common(3))
    return [f"{failed.total()} of the last {calls} calls failed ({often})"]


def _degraded(ready: Said) -> str:
    """What an API that is ready says against itself."""
    said = ready.content[:MOST_QUOTED].decode(errors="replace") if ready.is_ok else ""
    return said.removeprefix(DEGRADED).strip() if said.startswith(DEGRADED) else ""


def _quoted(ready: Said) -> str:
    """The reason in an error of the API."""
    try:
        error = json.loads(ready.content)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({str(error)[:MOST_QUOTED].rstrip('.')})"
