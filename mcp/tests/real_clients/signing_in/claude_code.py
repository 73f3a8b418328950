"""Claude Code: `claude mcp add` without a header, `claude mcp login`, then a stand-in for the model calls the
tools."""

import json
import sys

from tests.harness.published import Json
from tests.real_clients.model import PREFIX, Model, Thinking
from tests.real_clients.programs import CLAUDE
from tests.real_clients.signing_in.place import CALLS, Place, Seen

NAME = "toolbridge"
TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


def _note() -> Thinking:
    create, list_them = CALLS
    yield create
    yield list_them


async def claude_code(place: Place) -> Seen:
    """Signs in if its list says that it needs to."""
    if "added" not in place.kept:
        await _claude(place, "mcp", "add", "--transport", place.transport, NAME, place.url)
        place.kept["added"] = True
    place.kept["said"] = await standing(place)
    if "Needs authentication" in place.kept["said"]:
        await _at_a_terminal(place, "mcp", "login", NAME)
    model = Model(_note())
    with model.serving() as address:
        allowed = ",".join(PREFIX + name for name, _ in CALLS)
        await _claude(
            place,
            *("-p", "Go on.", "--allowedTools", allowed),
            ANTHROPIC_BASE_URL=address,
            ANTHROPIC_API_KEY="none",
            ENABLE_TOOL_SEARCH="false",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        )
    return Seen(model.names, [_result(text) for text in model.results])


def _result(text: str) -> Json:
    """The model is handed the structure as text if there is one."""
    structure = json.loads(text) if text.startswith("{") else None
    return {"structuredContent": structure, "content": [{"text": text}]}


async def standing(place: Place) -> str:
    """What `claude mcp list` says of the server."""
    listed = await _claude(place, "mcp", "list")
    line = next((line for line in listed.splitlines() if line.startswith(f"{NAME}:")), listed)
    return line.rpartition(" - ")[2]


async def _at_a_terminal(place: Place, *arguments: str) -> str:
    """It opens the browser only if somebody seems to sit there."""
    command = [*place.programs.package(CLAUDE), *arguments]
    return await place.success([sys.executable, "-c", TERMINAL, *command], folder=None, **_document(place))


async def _claude(place: Place, *arguments: str, **more: str) -> str:
    command = [*place.programs.package(CLAUDE), *arguments]
    return await place.success(command, folder=None, **_document(place), **more)


def _document(place: Place) -> dict[str, str]:
    """Where it says who it is, for servers that want to read that."""
    return {"MCP_OAUTH_CLIENT_METADATA_URL": place.kept["document"]} if "document" in place.kept else {}
