"""What each client must do, whichever way it connects."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from e2e.report import Failed, expect, reason_of
from e2e.stack import Json
from e2e.surface import TOOLS

TITLE = "Written by a client"
CONTENT = "Text of a client: \u00e4\u00f6\u00fc \u6f22\u5b57 \U0001f600"

SHOWN = 110


@dataclass(frozen=True)
class Way:
    """One way to connect. `transport` is `sse` or `http`; without a revision the client takes its own."""

    gateway: str
    transport: str
    token: str
    revision: str = ""
    idle_seconds: float = 0
    """How long the client says nothing between the list of tools and the calls."""

    @property
    def url(self) -> str:
        return f"{self.gateway}/{'sse' if self.transport == 'sse' else 'mcp'}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def proven(revision: str, tools: list[str], created: Json, got: Json) -> str:
    """The figures of a client that listed the tools, created a note with `TITLE` and `CONTENT` and got it."""
    expect(set(tools) == TOOLS and len(tools) == len(TOOLS), f"{len(tools)} tools were listed")
    expect(got == created, "the note that was read is not the one that was written")
    payload = got["payload"]
    expect((payload["title"], payload["content"]) == (TITLE, CONTENT), "the note has another text")
    return f"{revision}, {len(tools)} tools, a note written and read"


async def refused(work: Callable[[], Awaitable[str]]) -> str:
    """`work`, which succeeds with a right token, must fail with a wrong one, and within the check's time
    limit. Returns what the client says to its user."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001  whatever the client raises
        return reason_of(error)[:SHOWN]
    raise Failed("the client got in with a wrong token")


def json_of(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise Failed(f"the client printed no JSON: {text[:200]}") from error
    return value
