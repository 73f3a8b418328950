"""What a model does in a host: it calls tools, and sees of an answer what the host shows it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.types import CallToolResult, TextContent

from tests.harness.clients import Tools, over_http
from tests.harness.tokens import count

ALL, WORK = "", "?toolsets=work"
"""What is added to the address, for all tools or for the small set."""

SHOWN_CHARACTERS = 3_000
"""Of each call and of each answer, when a test fails."""


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shown(result: CallToolResult) -> str:
    """What a host gives to a model. Some hosts give the structure and drop the text, others the opposite, so
    that both must say the same; of an error all give the text."""
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    if result.structured_content is not None:
        assert json.loads(text) == result.structured_content
    return text


class Model:
    """The calls of a model, and what they cost it."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.calls = 0
        self.tokens = 0
        self._transcript: list[str] = []

    async def call(self, name: str, **arguments: Any) -> str:
        """What the model sees of the answer, which must be none of an error."""
        result = await self.tools.result(name, **arguments)
        asked, answer = f"{name} {compact(arguments)}", shown(result)
        self.calls += 1
        self.tokens += count(asked) + count(answer)
        self._transcript.append(f"> {asked[:SHOWN_CHARACTERS]}\n{answer[:SHOWN_CHARACTERS]}")
        assert not result.is_error, f"the model was refused\n{self}"
        return answer

    def __str__(self) -> str:
        return "\n\n".join(self._transcript)


@asynccontextmanager
async def connected(url: str, bearer: str, toolset: str) -> AsyncIterator[Model]:
    async with over_http(url, bearer, toolset) as tools:
        yield Model(tools)
