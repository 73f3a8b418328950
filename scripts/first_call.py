"""One real call over SSE with the official MCP client, as proof. Prints one line.

Takes TOOLBRIDGE_URL and TOOLBRIDGE_TOKEN from the environment, so that no token is on a command line.
"""

import asyncio
import os
import sys
import time

from mcp import ClientSession
from mcp.client.sse import sse_client

TIME_LIMIT = 30


async def first_call(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(TIME_LIMIT),
        sse_client(url, headers=headers) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        started = time.monotonic()
        result = await session.call_tool("list_notes", {"limit": 1})
        milliseconds = (time.monotonic() - started) * 1000
    if result.is_error:
        raise RuntimeError(f"list_notes answered with an error: {result.content}")
    return f"{len(tools)} tools, list_notes answered in {milliseconds:.0f} ms"


def innermost(error: BaseException) -> BaseException:
    """The task groups of the client wrap what happened, sometimes twice."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main() -> None:
    try:
        proof = asyncio.run(first_call(os.environ["TOOLBRIDGE_URL"], os.environ["TOOLBRIDGE_TOKEN"]))
    except Exception as error:  # noqa: BLE001  the outermost frame: every failure becomes one sentence
        cause = innermost(error)
        sys.exit(f"{type(cause).__name__}: {cause}")
    sys.stdout.write(proof + "\n")


if __name__ == "__main__":
    main()
