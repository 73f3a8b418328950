"""mcp-remote, the bridge from stdio for hosts that know no remote servers, used through the Python SDK."""

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.real_clients.programs import MCP_REMOTE
from tests.real_clients.signing_in.place import Place, Seen
from tests.real_clients.signing_in.python_clients import use


async def mcp_remote(place: Place) -> Seen:
    """Over SSE, version 0.15.1 ends when it has opened the browser for a user who was signed in before, at
    any server; so its host starts it again."""
    try:
        return await _started(place)
    except ExceptionGroup:
        if place.transport != "sse":
            raise
    return await _started(place)


async def _started(place: Place) -> Seen:
    node, *program = place.programs.package(MCP_REMOTE)
    bridge = StdioServerParameters(
        command=node,
        args=[*program, place.url, "--transport", f"{place.transport}-only"],
        env=place.programs.environment(**place.environment()),
    )
    with (place.home / "mcp-remote.log").open("a") as errors:
        async with stdio_client(bridge, errors) as (read, write), ClientSession(read, write) as session:
            return await use(session)
