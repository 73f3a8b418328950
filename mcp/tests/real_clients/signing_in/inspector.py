"""The command line of the MCP Inspector, which signs in for each server once and keeps it in its home."""

import json

from tests.harness.processes import free_port
from tests.harness.published import Json
from tests.real_clients.programs import INSPECTOR
from tests.real_clients.signing_in.place import CALLS, Place, Seen


async def inspector(place: Place) -> Seen:
    """A connection for each request."""
    listed = await _answer(place, "tools/list")
    results = [await _call(place, name, arguments) for name, arguments in CALLS]
    return Seen([tool["name"] for tool in listed["tools"]], results)


async def _call(place: Place, tool: str, arguments: Json) -> Json:
    return await _answer(place, "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))


async def _answer(place: Place, method: str, *more: str) -> Json:
    """What it prints of one method. The browser opens though nobody sits at a terminal, and the tokens are in
    a file, as this machine may have no keychain."""
    where = ["--cli", "--server-url", place.url, "--transport", place.transport]
    port = place.kept.setdefault("port", free_port())
    back = ["--callback-url", f"http://127.0.0.1:{port}/oauth/callback"]
    asked = ["--method", method, *more, "--format", "json", "-q"]
    printed = await place.success(
        [*place.programs.package(INSPECTOR), *where, *back, *asked],
        MCP_AUTO_OPEN_ENABLED="true",
        MCP_INSPECTOR_SECRET_STORE="file",
    )
    result: Json = json.loads(printed)["result"]
    return result
