"""The proof that a client works, however it connects: it lists the tools, writes a note and reads it."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

from tests.harness.published import TOOLS, Json

TITLE = "Written by a client"
CONTENT = "Text of a client: \u00e4\u00f6\u00fc \u6f22\u5b57 \U0001f600 that no log may hold"


@dataclass(frozen=True)
class Way:
    """One way to connect. `transport` is `sse` or `http`; without a revision the client takes its own."""

    gateway: str
    transport: str
    token: str = field(repr=False)
    revision: str = ""
    idle_seconds: float = 0
    """How long the client says nothing between the list of tools and the calls."""

    @property
    def url(self) -> str:
        return f"{self.gateway}/{'sse' if self.transport == 'sse' else 'mcp'}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def expect_proof(tools: list[str], created: Json, got: Json) -> None:
    """The client listed all tools, created a note with `TITLE` and `CONTENT`, and got it."""
    assert sorted(tools) == sorted(TOOLS)
    assert (got["uid"], got["version"]) == (created["uid"], created["version"])
    assert (got["payload"]["title"], got["payload"]["content"]) == (TITLE, CONTENT)


async def expect_refusal(work: Awaitable[None]) -> None:
    """With a wrong token the client must raise an error of its own."""
    try:
        await work
    except AssertionError:
        raise
    except Exception:  # noqa: BLE001  each client has errors of its own
        return
    raise AssertionError("the client got in with a wrong token")
