"""Claude Code, which connects without an account. A stand-in for the model makes it call the tools."""

import json
import tempfile
from functools import partial
from pathlib import Path

from tests.real_clients.model import PREFIX, Model, Thinking
from tests.real_clients.programs import CLAUDE, ClientError, Programs
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof


def _note() -> Thinking:
    # Models send lists as JSON strings at times.
    created = yield "create_note", {"title": TITLE, "content": CONTENT, "tags": '["sent as text"]'}
    yield "get_note", {"uid": json.loads(created)["uid"]}


async def claude_code(programs: Programs, way: Way) -> None:
    """Its model must see all tools, and write and read a note with them."""
    model = Model(_note())
    await converse(programs, way, way.url, model, "create_note", "get_note")
    created, got = map(json.loads, model.results)
    assert got["payload"]["tags"] == ["sent as text"], "a list sent as text is not stored as a list"
    expect_proof(model.names, created, got)


async def converse(programs: Programs, way: Way, url: str, model: Model, *allowed: str) -> None:
    """Added as scripts/run.sh says. Its list must show the server connected; then the model has its say."""
    with tempfile.TemporaryDirectory(dir=programs.home) as folder:
        run = partial(programs.success, folder=Path(folder), HOME=folder)
        claude = programs.package(CLAUDE)
        header = f"Authorization: Bearer {way.token}"
        add = ["mcp", "add", "--transport", way.transport, "toolbridge", url, "--header", header]
        await run([*claude, *add])
        _expect_connected(await run([*claude, "mcp", "list"]))
        with model.serving() as address:
            await run(
                [*claude, "-p", "Go on.", "--allowedTools", ",".join(PREFIX + name for name in allowed)],
                ANTHROPIC_BASE_URL=address,
                ANTHROPIC_API_KEY="none",
                ENABLE_TOOL_SEARCH="false",
                CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            )


def _expect_connected(listed: str) -> None:
    """The exit code is 0 either way."""
    line = next((line for line in listed.splitlines() if line.startswith("toolbridge:")), listed)
    if not line.endswith("Connected"):
        raise ClientError(line.partition(" - ")[2] or line)
