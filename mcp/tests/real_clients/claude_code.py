"""Claude Code, which connects without an account. A stand-in for the model makes it call the tools."""

import tempfile
from functools import partial
from pathlib import Path

from tests.real_clients.model import PREFIX, Model
from tests.real_clients.programs import CLAUDE, ClientError, Programs
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof

PLAN = [
    # Models send lists as JSON strings at times.
    ("create_note", {"title": TITLE, "content": CONTENT, "tags": '["sent as text"]'}),
    ("get_note", {"uid": "$uid"}),
]


async def claude_code(programs: Programs, way: Way) -> None:
    """Added as scripts/run.sh says. Its list must show the server connected, and its model see the tools."""
    with tempfile.TemporaryDirectory(dir=programs.home) as folder:
        run = partial(programs.success, folder=Path(folder), HOME=folder)
        claude = programs.package(CLAUDE)
        header = f"Authorization: Bearer {way.token}"
        add = ["mcp", "add", "--transport", way.transport, "toolbridge", way.url, "--header", header]
        await run([*claude, *add])
        _expect_connected(await run([*claude, "mcp", "list"]))
        model = Model(PLAN)
        with model.serving() as address:
            allowed = ",".join(PREFIX + name for name, _ in PLAN)
            await run(
                [*claude, "-p", "Go on.", "--allowedTools", allowed],
                ANTHROPIC_BASE_URL=address,
                ANTHROPIC_API_KEY="none",
                ENABLE_TOOL_SEARCH="false",
                CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            )
    created, got = model.results
    assert got["payload"]["tags"] == ["sent as text"], "a list sent as text is not stored as a list"
    expect_proof(model.tools, created, got)


def _expect_connected(listed: str) -> None:
    """The exit code is 0 either way."""
    line = next((line for line in listed.splitlines() if line.startswith("toolbridge:")), listed)
    if not line.endswith("Connected"):
        raise ClientError(line.partition(" - ")[2] or line)
