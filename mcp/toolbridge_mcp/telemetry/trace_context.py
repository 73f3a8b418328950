"""Whose trace a message belongs to, as its sender says it (W3C Trace Context)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"

MAX_STATE = 512
MAX_STATE_MEMBERS = 32
"""What a tracestate may have; one that has more is not passed on."""

_KNOWN = "00"
_LENGTH = 55
_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE = r"[ -+\--<>-~]{0,255}[!-+\--<>-~]"
_MEMBER = re.compile(rf"[ \t]*(?:{_KEY}={_VALUE}[ \t]*)?")


class TraceContext(NamedTuple):
    """A place in a trace. Both are valid, and safe in a header; `state` may be empty."""

    parent: str
    """A traceparent of version 00."""

    state: str = ""

    @property
    def trace_id(self) -> str:
        return self.parent[3:35]

    @property
    def span_id(self) -> str:
        return self.parent[36:52]

    @property
    def flags(self) -> int:
        return int(self.parent[53:], 16)

    def headers(self) -> dict[str, str]:
        """The headers of a request that belongs to the trace."""
        headers = {TRACEPARENT: self.parent}
        if self.state:
            headers[TRACESTATE] = self.state
        return headers


def context_in(meta: Mapping[str, Any]) -> TraceContext | None:
    """The context in the `_meta` of a message; None without a valid one. Its keys have no prefix there."""
    parent = meta.get(TRACEPARENT)
    if not isinstance(parent, str):
        return None
    state = meta.get(TRACESTATE)
    return trace_context(parent, [state] if isinstance(state, str) else ())


def trace_context(parent: str, states: Iterable[str]) -> TraceContext | None:
    """The context of a traceparent and of what was sent as tracestate; None if the first is not valid. A
    tracestate that is not valid is left out."""
    known = _known_parent(parent)
    return TraceContext(known, _valid_state(",".join(states))) if known else None


def _known_parent(parent: str) -> str | None:
    """The part of a traceparent that version 00 knows. A newer version may have more behind it."""
    start = parent[:_LENGTH]
    if not _PARENT.fullmatch(start):
        return None
    if start.startswith(_KNOWN):
        return start if len(parent) == _LENGTH else None
    if len(parent) > _LENGTH and parent[_LENGTH] != "-":
        return None
    return f"{_KNOWN}{start[2:53]}{int(start[53:], 16) & 1:02x}"


def _valid_state(state: str) -> str:
    """The tracestate; empty if it is not valid, or too long."""
    if not state or len(state) > MAX_STATE:
        return ""
    members = state.split(",")
    if len(members) > MAX_STATE_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return state.strip(" \t")
