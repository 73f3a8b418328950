"""A small stand-in for the platform's edge: it spreads requests over machines and honours `Fly-Replay`."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

NOT_PASSED_ON = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class ReplayingProxy:
    """Sends each request to the next machine, and again to the one that an answer names.

    As on Fly.io: a machine that does not accept a connection gets no replay; with `fallback=force_self` the
    machine that asked gets the request back, with `Fly-Replay-Failed`. A connection that breaks is a 502.
    """

    def __init__(self, machines: Mapping[str, str]) -> None:
        self.machines = dict(machines)
        self.url = ""
        self.replays = 0
        self._turns = itertools.cycle(machines)

    @asynccontextmanager
    async def serve(self, port: int) -> AsyncIterator[str]:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), connector=aiohttp.TCPConnector(limit=0)
        )
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()
            await self._http.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            first, answer = await self._ask_any(request, body)
        except aiohttp.ClientError:
            return web.Response(status=502)
        replay = answer.headers.get("Fly-Replay")
        if replay:
            answer.release()
            self.replays += 1
            try:
                answer = await self._replay(replay, first, request, body)
            except aiohttp.ClientError:
                return web.Response(status=502)
        return await self._pass_on(answer, request)

    async def _ask_any(self, request: web.Request, body: bytes) -> tuple[str, aiohttp.ClientResponse]:
        """The next machine in turn that accepts a connection, and its answer."""
        first = next(self._turns)
        for machine in sorted(self.machines, key=lambda name: name != first):
            try:
                return machine, await self._ask(machine, request, body, {})
            except aiohttp.ClientConnectorError:
                continue
        raise aiohttp.ClientError("no machine accepts a connection")

    async def _replay(
        self, replay: str, first: str, request: web.Request, body: bytes
    ) -> aiohttp.ClientResponse:
        fields = dict(re.findall(r"(\w+)=([^;]+)", replay))
        try:
            target = fields["instance"]
            return await self._ask(target, request, body, {"Fly-Replay-Src": f"instance={first}"})
        except (KeyError, aiohttp.ClientConnectorError):
            assert fields.get("fallback") == "force_self"
            return await self._ask(first, request, body, {"Fly-Replay-Failed": f"instance={target}"})

    async def _ask(
        self, machine: str, request: web.Request, body: bytes, more: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        headers = [
            (name, value) for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON
        ]
        url = self.machines[machine] + request.path_qs
        return await self._http.request(
            request.method, url, data=body, headers=[*headers, *more.items()], allow_redirects=False
        )

    async def _pass_on(self, answer: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
        headers = [
            (name, value) for name, value in answer.headers.items() if name.lower() not in NOT_PASSED_ON
        ]
        passed = web.StreamResponse(status=answer.status, headers=headers)
        try:
            await passed.prepare(request)
            async for chunk in answer.content.iter_any():
                await passed.write(chunk)
            await passed.write_eof()
        except (aiohttp.ClientError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            answer.close()
        return passed
