"""Requests to a private port, as they go over the wire."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class PrivatePort:
    number: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}/"

    def get(self, target: str = "/", method: str = "GET", host: str = "127.0.0.1", **headers: str) -> Answer:
        """`headers` are named with underscores; a Host is sent in any case."""
        connection = http.client.HTTPConnection(host, self.number, timeout=30)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers.items()), answer.read().decode())
        finally:
            connection.close()

    def raw(self, sent: bytes) -> bytes:
        """All that comes back."""
        with self.opened() as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def opened(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.number), timeout=30)
