"""The command line of the MCP Inspector. It connects anew for each method."""

import json

from e2e.report import Failed
from e2e.stack import Json

from clients.programs import INSPECTOR, Programs
from clients.proof import CONTENT, TITLE, Way, json_of, proven

AUTHENTICATION_REQUIRED = 3


async def inspector(programs: Programs, way: Way) -> str:
    listed = await _answer(programs, way, "tools/list")
    created = await _call(programs, way, "create_note", {"title": TITLE, "content": CONTENT})
    got = await _call(programs, way, "get_note", {"uid": created["uid"]})
    return proven("its own choice of revision", [tool["name"] for tool in listed["tools"]], created, got)


async def _call(programs: Programs, way: Way, tool: str, arguments: Json) -> Json:
    named = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
    content: Json = (await _answer(programs, way, "tools/call", *named))["structuredContent"]
    return content


async def _answer(programs: Programs, way: Way, method: str, *more: str) -> Json:
    header = f"Authorization: Bearer {way.token}"
    where = ["--cli", "--server-url", way.url, "--transport", way.transport, "--header", header]
    asked = ["--method", method, *more, "--format", "json", "-q"]
    status, out, err = await programs.output([*programs.package(INSPECTOR), *where, *asked])
    if status == AUTHENTICATION_REQUIRED:
        raise Failed(f"exit code {status}: authentication required")
    if status != 0:
        raise Failed(f"exit code {status}: {err}")
    result: Json = json_of(out)["result"]
    return result
