"""Uses FastMCP's client with `OAuth`: `fastmcp_program.py URL TRANSPORT FOLDER CALLS`. It keeps its tokens in
the folder, which must be there, lists the tools, makes the calls and prints one JSON object."""

import asyncio
import json
import sys
from pathlib import Path

from fastmcp import Client
from fastmcp.client.auth import OAuth
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from key_value.aio.stores.filetree import FileTreeStore, FileTreeV1KeySanitizationStrategy


async def main(url: str, transport: str, folder: str, calls: str) -> None:
    kept = Path(folder)
    names = FileTreeV1KeySanitizationStrategy(directory=kept)
    store = FileTreeStore(data_directory=kept, key_sanitization_strategy=names)
    auth = OAuth(token_storage=store, callback_host="127.0.0.1")
    kind = SSETransport if transport == "sse" else StreamableHttpTransport
    async with Client(kind(url, auth=auth)) as client:
        tools = [tool.name for tool in await client.list_tools()]
        results = [await client.call_tool_mcp(name, arguments) for name, arguments in json.loads(calls)]
    answers = [result.model_dump(mode="json", by_alias=True) for result in results]
    sys.stdout.write(json.dumps({"tools": tools, "results": answers}))


asyncio.run(main(*sys.argv[1:]))
