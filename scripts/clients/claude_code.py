"""Claude Code, which needs no account to connect; a stand-in for the model makes it call the tools."""

import tempfile
from functools import partial
from pathlib import Path

from e2e.report import Failed, expect

from clients.model import PREFIX, Model
from clients.programs import CLAUDE, Programs
from clients.proof import CONTENT, TITLE, Way, proven

PLAN = [
    # Models send lists as JSON strings at times.
    ("create_note", {"title": TITLE, "content": CONTENT, "tags": '["sent as text"]'}),
    ("get_note", {"uid": "$uid"}),
]


async def claude_code(programs: Programs, way: Way) -> str:
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
    expect(created["payload"]["tags"] == ["sent as text"], "a list sent as text is not stored as a list")
    return proven("its own choice of revision", model.tools, created, got)


def _expect_connected(listed: str) -> None:
    """The exit code is 0 either way."""
    line = next((line for line in listed.splitlines() if line.startswith("toolbridge:")), listed)
    if not line.endswith("Connected"):
        raise Failed(line.partition(" - ")[2] or line)
