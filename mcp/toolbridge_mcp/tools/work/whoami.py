"""Says on whose behalf the caller works, and within which limits."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from toolbridge_mcp.choice import current_choice
from toolbridge_mcp.client import Call
from toolbridge_mcp.identity import get_access_token, user_of
from toolbridge_mcp.rendering import quoted, size
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.toolsets import TOOLSETS
from toolbridge_mcp.tools.work.texts import text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

NAME_CHARACTERS = 200
MOST_SCOPES = 20
_PLAIN = re.compile(r"[!#-~]{1,200}")


class WhoamiArguments(WorkArguments):
    # A tool without any argument is refused by Gemini, together with all others.
    limits: bool = Field(default=True, description="false leaves out quota and limits")

    async def carry_out(self, caller: Caller) -> Result:
        if not self.limits:
            return text_result(*_identity(caller), *_surroundings(caller))
        used = (await caller.send(Call("GET", "/v1/sync/state"))).data["usage"]
        allowed = (await caller.client.known_info()).limits
        return text_result(
            *_identity(caller), *_quota(used, allowed), *_calls(caller), *_surroundings(caller)
        )


def _identity(caller: Caller) -> Iterator[str]:
    access = get_access_token()
    issuer, subject = user_of(access)
    yield f"user: {_name(subject)}{f', signed in at {_name(issuer)}' if issuer else ''}"
    yield f"tenant: {_name(caller.deployment.tenant)}"
    scopes = sorted(access.scopes)[:MOST_SCOPES] if access else []
    yield f"scopes: {', '.join(map(_name, scopes)) or 'none'}"
    yield f"client: {_name(caller.origin.client) if caller.origin.client else 'does not say its name'}"


def _quota(used: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    items, most_items = used["items"], limits.get("maxUserItems") or 0
    stored, most_bytes = used["bytes"], limits.get("maxUserBytes") or 0
    number = f"{most_items}, {max(0, most_items - items)} left" if most_items else "any number"
    yield f"items: {items} of {number}"
    left = f"{size(most_bytes)}, {size(max(0, most_bytes - stored))} left" if most_bytes else "any size"
    yield f"stored: {size(stored)} of {left}; {size(used['historyBytes'])} of older versions beside that"
    if largest := limits.get("maxBodyBytes"):
        yield f"largest item: {size(largest)}"


def _calls(caller: Caller) -> Iterator[str]:
    limits = caller.deployment.limits
    rate = limits.rate_limit if limits else None
    if rate is None:
        yield "calls: no limit a minute"
        return
    left = rate.left(user_of(get_access_token()))
    yield f"calls: {rate.per_minute} a minute, {rate.burst} at once; {left} left at this moment"


def _surroundings(caller: Caller) -> Iterator[str]:
    now = datetime.now(UTC)
    zone = caller.zone()
    local = (
        f"; {now.astimezone(zone):%A %Y-%m-%d %H:%M} in {zone}" if zone else "; the user's zone is not known"
    )
    yield f"time: {now:%A %Y-%m-%d %H:%M} UTC{local}"
    chosen = current_choice() or caller.deployment.toolsets
    here = [name for name in TOOLSETS if name in chosen]
    others = [name for name in TOOLSETS if name not in chosen]
    more = f"; {', '.join(others)} with ?toolsets= in the server's address" if others else ""
    yield f"toolsets: {', '.join(here)}{more}"


def _name(text: str) -> str:
    """The text, in quotation marks unless it is short and plain."""
    return text if _PLAIN.fullmatch(text) else quoted(text, NAME_CHARACTERS)


WHOAMI = Work(
    name="whoami",
    about="Who am I: user, tenant, scopes, quota, limits, time and time zone.",
    arguments=WhoamiArguments,
    hints=READS,
    needs=frozenset({"usage"}),
)
