"""An edge in front of a gateway that refuses one agent, as services against bots do."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def edge(port: int, gateway: int, blocked: str) -> Iterator[None]:
    """Passes on what comes to `port`, but 403 for a `User-Agent` that has `blocked` in it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as in the base class
            """Nothing is logged."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if blocked in self.headers.get("User-Agent", ""):
                self._answer(403, [("Content-Type", "text/html")], b"<h1>Forbidden</h1>")
                return
            behind = http.client.HTTPConnection("127.0.0.1", gateway, timeout=10)
            behind.request(self.command, self.path, body, dict(self.headers.items()))
            answer = behind.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
            behind.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
