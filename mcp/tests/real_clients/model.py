"""Stands in for the model behind Claude Code: it decides each call from the results that it was handed.

It speaks as much of the Messages API as Claude Code needs, and keeps the tools and results it was sent.
"""

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from tests.harness.published import Json
from tests.harness.tokens import count
from tests.work.model import compact

PREFIX = "mcp__toolbridge__"

Thinking: TypeAlias = Generator[tuple[str, Json], str, None]
"""Yields the name and the arguments of a call, and is sent what the model was handed of its result."""


class Model:
    """`tools` are the definitions of the gateway's tools, and `results` the texts that it was handed."""

    def __init__(self, thinking: Thinking) -> None:
        self._thinking = thinking
        self._said: list[Json] = []
        self.tools: list[Json] = []
        self.results: list[str] = []

    @property
    def names(self) -> list[str]:
        return [tool["name"].removeprefix(PREFIX) for tool in self.tools]

    @property
    def tokens(self) -> tuple[int, int]:
        """What the definitions of the tools cost it, and what the results did."""
        return count(compact(self.tools)), sum(map(count, self.results))

    def answer(self, request: Json) -> Json:
        """The next block of content: a tool's use, or the last word. A repeated request gets the same."""
        self.tools = [tool for tool in request["tools"] if tool["name"].startswith(PREFIX)]
        self.results = list(_results(request["messages"]))
        if len(self._said) == len(self.results):
            self._said.append(self._next())
        return self._said[len(self.results)]

    def _next(self) -> Json:
        try:
            name, arguments = self._thinking.send(self.results[-1]) if self.results else next(self._thinking)
        except StopIteration:
            return {"type": "text", "text": "Done."}
        return {
            "type": "tool_use",
            "id": f"toolu_{len(self.results)}",
            "name": PREFIX + name,
            "input": arguments,
        }

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address to give to Claude Code, for as long as the block lasts."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _results(messages: list[Json]) -> Iterator[str]:
    for message in messages:
        blocks = message["content"] if isinstance(message["content"], list) else []
        for block in blocks:
            if block["type"] == "tool_result":
                content = block["content"]
                yield content if isinstance(content, str) else content[0]["text"]


def _handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = "".join(_events(model.answer(request))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as in the base class
            """Nothing is logged."""

    return Handler


def _events(block: Json) -> Iterator[str]:
    """The block as the stream of events that a model's answer is."""
    is_text = block["type"] == "text"
    start = {**block, "text": ""} if is_text else {**block, "input": {}}
    delta = (
        {"type": "text_delta", "text": block["text"]}
        if is_text
        else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    )
    usage = {"input_tokens": 1, "output_tokens": 1}
    unfinished = {"stop_reason": None, "stop_sequence": None, "usage": usage}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "none", "content": []}
    ended = {"stop_reason": "end_turn" if is_text else "tool_use", "stop_sequence": None}
    yield _event("message_start", message={**message, **unfinished})
    yield _event("content_block_start", index=0, content_block=start)
    yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    yield _event("message_delta", delta=ended, usage=usage)
    yield _event("message_stop")


def _event(kind: str, **fields: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
