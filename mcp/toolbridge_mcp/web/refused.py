"""Messages that go no further, and how their senders learn that."""

import json
import math

from starlette.responses import Response
from starlette.types import Message

from toolbridge_mcp.web.envelope import RequestId

LIMITED = -32000
"""The JSON-RPC error of a message that is valid and not served now."""

BAD_REQUEST = 400
TOO_SLOW = 408


class Refused(Exception):
    """A message that goes no further. `reason` is its name in the metrics, `code` that of
    JSON-RPC, and the text says what to do."""

    def __init__(
        self,
        reason: str,
        status: int,
        says: str,
        *,
        code: int = LIMITED,
        request_id: RequestId | None = None,
        wait: float | None = None,
    ) -> None:
        super().__init__(says)
        self.reason = reason
        self.status = status
        self.request_id = request_id
        self.code = code
        self._wait = wait

    def event(self) -> Message:
        """The error as an event of a stream."""
        body = b"event: message\r\ndata: " + self._error() + b"\r\n\r\n"
        return {"type": "http.response.body", "body": body, "more_body": True}

    def response(self) -> Response:
        headers = {"Connection": "close"} if self.status == TOO_SLOW else {}
        if self._wait is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self._wait)))
        return Response(self._error(), self.status, headers, "application/json")

    def _error(self) -> bytes:
        error = {"code": self.code, "message": str(self)}
        return json.dumps({"jsonrpc": "2.0", "id": self.request_id, "error": error}).encode()
