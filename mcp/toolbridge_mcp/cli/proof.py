"""One real call over SSE with the official MCP client: proof that a client can use the gateway."""

import asyncio
import logging
import time

from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.types import TextContent

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.environment import forget_outside

TIME_LIMIT = 30


def prove(url: str, token: str) -> str:
    """What the call showed, in a few words. Raises `Failure`. `url` is the gateway's, on this machine."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the client's own warnings would appear in between
    forget_outside()
    try:
        return asyncio.run(_first_call(f"{url}/sse", token))
    except Exception as error:
        cause = _innermost(error)
        if isinstance(cause, Failure):
            raise cause from None
        raise Failure(f"The first call failed: {type(cause).__name__}: {cause}") from error
    finally:
        logging.disable(disabled)


async def _first_call(url: str, token: str) -> str:
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
        said = " ".join(part.text for part in result.content if isinstance(part, TextContent))
        raise Failure(f"The first call, list_notes, failed. The tool says: {said}")
    return f"{len(tools)} tools, list_notes answered in {milliseconds:.0f} ms"


def _innermost(error: BaseException) -> BaseException:
    """The client's task groups wrap what happened, sometimes twice."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
