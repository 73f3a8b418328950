"""Every real client, unmodified, with a right and with a wrong token."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from tests.harness.deployment import OwnStack
from tests.real_clients import python_clients
from tests.real_clients.claude_code import claude_code
from tests.real_clients.documented import documented_python, documented_typescript
from tests.real_clients.inspector import AuthenticationRequired, inspector
from tests.real_clients.mcp_remote import mcp_remote
from tests.real_clients.programs import Programs
from tests.real_clients.proof import CONTENT, Way, expect_refusal
from tests.real_clients.typescript import typescript

pytestmark = [pytest.mark.anyio, pytest.mark.clients]

Client = Callable[[Programs, Way], Awaitable[None]]


def without_programs(client: Callable[[Way], Awaitable[None]]) -> Client:
    """A client that runs in this process."""
    return lambda _, way: client(way)


HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
STATELESS = "2026-07-28"
ITS_OWN = [("sse", ""), ("http", "")]
MODES = [("sse", ""), ("http", python_clients.LEGACY), ("http", STATELESS), ("http", "")]
EVERY_REVISION = [("sse", one) for one in HANDSHAKE] + [("http", one) for one in (*HANDSHAKE, STATELESS)]

CLIENTS: dict[str, tuple[Client, list[tuple[str, str]]]] = {
    "MCP Inspector": (inspector, ITS_OWN),
    "TypeScript SDK 1.x": (partial(typescript, "1"), ITS_OWN),
    "TypeScript SDK 2.x": (partial(typescript, "2"), EVERY_REVISION),
    "Python mcp, ClientSession": (without_programs(python_clients.session), ITS_OWN),
    "Python mcp, Client": (without_programs(python_clients.client), MODES),
    "Python fastmcp": (without_programs(python_clients.fastmcp_client), MODES),
    "docs-clients.md, Python": (documented_python, [("http", "")]),
    "docs-clients.md, TypeScript": (documented_typescript, [("http", "")]),
    "mcp-remote": (mcp_remote, ITS_OWN),
    "Claude Code": (claude_code, ITS_OWN),
}
"""Each client with the transports and revisions that it can be asked for; "" is its own revision."""

each_client_and_way = pytest.mark.parametrize(
    ("client", "transport", "revision"),
    [
        pytest.param(client, transport, revision, id=f"{name} over {transport} {revision}".strip())
        for name, (client, ways) in CLIENTS.items()
        for transport, revision in ways
    ],
)


@each_client_and_way
async def test_a_client_works(
    stack: OwnStack, programs: Programs, client: Client, transport: str, revision: str
) -> None:
    stack.confide([CONTENT])
    await client(programs, Way(stack.url, transport, stack.token_of("clients"), revision))


@each_client_and_way
async def test_a_client_with_a_wrong_token_is_refused(
    stack: OwnStack, programs: Programs, client: Client, transport: str, revision: str
) -> None:
    wrong = stack.token_of("clients", iss="https://elsewhere.example/")
    await expect_refusal(client(programs, Way(stack.url, transport, wrong, revision)))


async def test_the_inspector_says_that_it_needs_another_token(stack: OwnStack, programs: Programs) -> None:
    wrong = stack.token_of("clients") + "-wrong"
    with pytest.raises(AuthenticationRequired):
        await inspector(programs, Way(stack.url, "sse", wrong))
