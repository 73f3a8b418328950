"""The Python clients: `mcp` with its `OAuthClientProvider`, and `fastmcp` with `auth=OAuth()`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientMetadata,
)

from tests.harness.client_memory import ClientMemory
from tests.harness.processes import GATEWAY_FOLDER, free_port
from tests.real_clients.signing_in.place import CALLS, Place, Seen

FASTMCP = Path(__file__).with_name("fastmcp_program.py")


class Callback:
    """The address that the browser comes back to."""

    def __init__(self, command: str) -> None:
        self._command = command
        self.port = free_port()
        self._arrived: asyncio.Future[dict[str, str]] = asyncio.Future()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/callback"

    async def open(self, address: str) -> None:
        self._arrived = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        await asyncio.to_thread(subprocess.run, [self._command, address], check=True)

    async def result(self) -> AuthorizationCodeResult:
        async with self._server:
            found = await asyncio.wait_for(self._arrived, 60)
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()
        found = parse_qs(urlsplit(target).query)
        self._arrived.set_result({name: values[0] for name, values in found.items()})


async def python_sdk(place: Place) -> Seen:
    """One provider over all connections of the client, as a program has it that stays up."""
    auth = place.kept.setdefault("auth", _provider(place))
    async with _streams(place, auth) as (read, write), ClientSession(read, write) as session:
        return await use(session)


async def use(session: ClientSession) -> Seen:
    """What the session gives."""
    await session.initialize()
    tools = [tool.name for tool in (await session.list_tools()).tools]
    results = [await session.call_tool(name, arguments) for name, arguments in CALLS]
    return Seen(tools, [result.model_dump(mode="json", by_alias=True) for result in results])


def _provider(place: Place) -> OAuthClientProvider:
    callback = Callback(place.browser.environment["BROWSER"])
    about = {
        "redirect_uris": [callback.uri],
        "client_name": "Python SDK",
        "token_endpoint_auth_method": "none",
    }
    return OAuthClientProvider(
        server_url=place.url,
        client_metadata=OAuthClientMetadata.model_validate(about),
        storage=ClientMemory(),
        redirect_handler=callback.open,
        callback_handler=callback.result,
    )


@asynccontextmanager
async def _streams(place: Place, auth: OAuthClientProvider) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        if place.transport == "sse":
            yield await stack.enter_async_context(sse_client(place.url, auth=auth))
            return
        http = await stack.enter_async_context(httpx2.AsyncClient(auth=auth, timeout=60))
        yield await stack.enter_async_context(streamable_http_client(place.url, http_client=http))


async def fastmcp_client(place: Place) -> Seen:
    """A process of its own each time, whose tokens are in a folder."""
    folder = place.home / "fastmcp"
    folder.mkdir(exist_ok=True)
    printed = await place.success(
        [sys.executable, str(FASTMCP), place.url, place.transport, str(folder), json.dumps(CALLS)],
        folder=GATEWAY_FOLDER,
    )
    answer = json.loads(printed)
    return Seen(answer["tools"], answer["results"])
