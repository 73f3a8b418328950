"""Requests of the gateway's own signer, byte for byte over raw sockets: as they are, again, or changed."""

import json
import socket
from dataclasses import dataclass, field
from typing import Any, Self

from tests.harness.clients import CALL_SECONDS
from tests.harness.processes import TENANT_HEADER_SECRET, TENANT_ID
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.transport import Request, Signer


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """Its object; empty if it holds none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def code(self) -> str:
        return str(self.json.get("code", ""))

    @property
    def reason(self) -> str:
        """Why a signature was refused, if the API says so."""
        return str((self.json.get("details") or {}).get("reason", ""))


@dataclass
class Wire:
    """A connection to an API, which is opened again when the API has closed it."""

    port: int
    _socket: socket.socket | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def send(self, data: bytes) -> Answer:
        """Sends the bytes of a whole request, and reads its answer."""
        self.begin(data)
        return self.end()

    def begin(self, data: bytes) -> None:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), CALL_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(data)

    def end(self) -> Answer:
        assert self._socket
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._more()
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, body)

    def _more(self) -> bytes:
        assert self._socket
        data = self._socket.recv(1 << 16)
        assert data, "the API closed the connection in the middle of its answer"
        return data


def signer_for(port: int, keyring: Keyring | None = None, tenant: str = TENANT_ID) -> Signer:
    """The gateway's signer, which knows the process of the API at this port."""
    signer = Signer(keyring or Keyring.of_secret(TENANT_HEADER_SECRET), tenant, choice="v2")
    with Wire(port) as wire:
        info = wire.send(b"GET /v1/sync/info HTTP/1.1\r\nHost: api\r\n\r\n").json
    assert signer.learn(info["signatures"]["process"], "")
    return signer


def bytes_of(request: Request) -> bytes:
    return request.head() + request.content


def signed_bytes(signer: Signer, request: Request) -> bytes:
    """What the gateway would send."""
    request.headers.update(signer.headers(request))
    return bytes_of(request)
