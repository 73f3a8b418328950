"""What stands in front of a gateway on the internet and spoils what passes, as a firewall against robots."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

OF_THE_CONNECTION = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

Spoil = Callable[[httpx.Request, httpx.Response], httpx.Response | None]
"""The answer that the client gets in place of the gateway's; None for the gateway's own."""


@dataclass
class Edge:
    """`gateway` is the address behind it, which is known later than its own."""

    url: str
    gateway: str = ""
    spoil: Spoil = lambda _request, _answer: None

    def answer(self, request: httpx.Request) -> httpx.Response:
        with httpx.Client(trust_env=False) as http:
            answer = http.send(request)
        return self.spoil(request, answer) or answer


@contextmanager
def running_edge() -> Iterator[Edge]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            address = f"{edge.gateway}{self.path}"
            answer = edge.answer(
                httpx.Request(self.command, address, headers=[*self.headers.items()], content=content)
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name.lower() not in OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815  the names are those of the class

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    edge = Edge(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield edge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
