"""A proxy between gateway and API that changes what passes: whoever is there may be no friend."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.harness.processes import free_port

INFO_PATH = "/v1/sync/info"
OPEN_PATHS = frozenset({INFO_PATH, "/readyz"})
OF_THE_CONNECTION = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})

Info = dict[str, Any]
Headers = CIMultiDict[str]


class Passed(NamedTuple):
    """A request that needs a signature, as the gateway sent it, and the status of its answer."""

    method: str
    path: str
    headers: Headers
    status: int

    @property
    def version(self) -> str:
        return "v2" if "Signature-Input" in self.headers else "v1"


@dataclass
class ChangingProxy:
    """Passes everything on to the API. `of_info` changes how the API describes itself, `of_request` the
    headers of requests, and `of_answer` those of answers."""

    api_url: str
    of_info: Callable[[Info], None] = lambda _: None
    of_request: Callable[[Headers], None] = lambda _: None
    of_answer: Callable[[Headers], None] = lambda _: None
    passed: list[Passed] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(auto_decompress=False) as self._http:
            yield self
        await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.Response:
        headers = _without_those_of_the_connection(request.headers)
        sent = headers.copy()
        self.of_request(headers)
        url = URL(f"{self.api_url}{request.raw_path}", encoded=True)
        try:
            async with self._http.request(
                request.method, url, headers=headers, data=await request.read() or None, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502)
        if request.path == INFO_PATH:
            info = json.loads(content)
            self.of_info(info)
            content = json.dumps(info).encode()
        if request.path not in OPEN_PATHS:
            self.passed.append(Passed(request.method, request.path, sent, answer.status))
        back = _without_those_of_the_connection(answer.headers)
        self.of_answer(back)
        return web.Response(status=answer.status, headers=back, body=content)


def _without_those_of_the_connection(headers: Any) -> Headers:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in OF_THE_CONNECTION
    )
