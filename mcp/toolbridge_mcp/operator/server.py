"""An HTTP server of a few threads, for what must not wait for the event loop, and must not keep it waiting.

It reads GET and HEAD without content, one request on each connection.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, TypeAlias

from toolbridge_mcp.listening import listeners
from toolbridge_mcp.operator.answer import SECURITY, Answer, text

logger = logging.getLogger(__name__)

MOST_REQUESTS = 8
"""At once. Others wait where the system keeps connections that nobody has accepted yet."""

HEAD_SECONDS = 5.0
HEAD_BYTES = 16 * 1024
SEND_SECONDS = 10.0
POLL_SECONDS = 0.1
LINGER_SECONDS = 0.5

Headers: TypeAlias = "Message[str, str]"
Answering: TypeAlias = Callable[[str, Headers], Answer]
"""The answer to a GET: its target, that is path and query, and its headers."""

METHODS = ("GET", "HEAD")


class Server:
    """Serves from `start` to `stop`, in threads of its own."""

    def __init__(self, answering: Answering) -> None:
        self._places = threading.BoundedSemaphore(MOST_REQUESTS)
        self._answering = answering
        self._parts: list[tuple[_Listener, threading.Thread]] = []

    def start(self, host: str, port: int) -> None:
        """Raises OSError if nothing can listen there."""
        for opened in listeners(host, port):
            listener = _Listener(opened, self._answering, self._places)
            thread = threading.Thread(
                target=listener.serve_forever, args=(POLL_SECONDS,), name="private-port", daemon=True
            )
            thread.start()
            self._parts.append((listener, thread))

    def stop(self) -> None:
        """Returns when nothing listens any more."""
        for listener, thread in self._parts:
            listener.shutdown()
            listener.server_close()
            thread.join()
        self._parts.clear()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, opened: socket.socket, answering: Answering, places: threading.Semaphore) -> None:
        super().__init__(("", 0), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = opened
        self.answering = answering
        self._places = places

    def process_request(self, request: Any, client_address: Any) -> None:
        # A request ends within the times above, so this waits for a while at most.
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server; others are logged where they happen."""


class _Request(BaseHTTPRequestHandler):
    server: _Listener
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.rfile = BytesIO(_head(self.connection))
        self.connection.settimeout(SEND_SECONDS)

    def handle(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request() or self.request_version == "HTTP/0.9":
            return
        if self.command not in METHODS:
            self._send(text(405, "Only GET and HEAD are known here.", Allow=", ".join(METHODS)))
            self._read_the_rest()
            return
        self._send(self._answer())

    def _answer(self) -> Answer:
        try:
            return self.server.answering(self.path, self.headers)
        except Exception:
            logger.exception("a request to the private port failed")
            return text(500, "This failed; the gateway's log says where.")

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        headers: Mapping[str, str] = {**SECURITY, **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def _read_the_rest(self) -> None:
        """A connection that is closed with unread bytes would lose the answer, too."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(LINGER_SECONDS)
        for _ in range(16):
            if not self.connection.recv(HEAD_BYTES):
                return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the library refuses: a head that is none."""
        self.command, self.request_version = "GET", self.protocol_version
        self._send(text(int(code), "This is no request that can be read."))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not logged."""


def _head(connection: socket.socket) -> bytes:
    """The head of a request; empty if it does not arrive whole, in time, and within its size."""
    end = time.monotonic() + HEAD_SECONDS
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left = end - time.monotonic()
        if left <= 0 or len(head) > HEAD_BYTES:
            return b""
        connection.settimeout(left)
        try:
            read = connection.recv(4096)
        except OSError:
            return b""
        if not read:
            return b""
        head += read
    return head
