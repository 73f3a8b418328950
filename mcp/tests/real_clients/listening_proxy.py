"""A proxy that passes everything on as it is, and keeps the results of tools that a server sent."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from mcp.types import CallToolResult

NOT_PASSED_ON = {"accept-encoding", "connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class ListeningProxy:
    """Serves on a free port of this machine. `results` are those that passed, in their order."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.url = ""
        self.results: list[CallToolResult] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        runner = web.AppRunner(self._app(), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as self._http:
            try:
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield
            finally:
                await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        return app

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in NOT_PASSED_ON}
        url, body = f"{self._target}{request.path_qs}", await request.read()
        async with self._http.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in NOT_PASSED_ON}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            unfinished = b""
            async for piece in answer.content.iter_any():
                *lines, unfinished = (unfinished + piece).split(b"\n")
                self.results += _results(lines)
                await response.write(piece)
            self.results += _results([unfinished])
            return response


def _results(lines: list[bytes]) -> Iterator[CallToolResult]:
    """Those in lines of a stream of events, or of JSON."""
    for line in lines:
        try:
            message = json.loads(line.removeprefix(b"data: "))
        except ValueError:
            continue
        result = message.get("result") if isinstance(message, dict) else None
        if isinstance(result, dict) and "content" in result:
            yield CallToolResult.model_validate(result)
