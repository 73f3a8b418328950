"""The command line of the MCP Inspector. It makes a new connection for each method."""

import json

from tests.harness.published import Json
from tests.real_clients.programs import INSPECTOR, ClientError, Programs
from tests.real_clients.proof import CONTENT, TITLE, Way, expect_proof

AUTHENTICATION_REQUIRED = 3
"""Its exit code."""


class AuthenticationRequired(ClientError):
    """The gateway wants another token."""


async def inspector(programs: Programs, way: Way) -> None:
    """It must list the tools without a complaint about their schemas, and report a missing token."""
    listed = await answer(programs, way, "tools/list", "--strict")
    complaints = [finding for tool in listed.get("schemaFindings", []) for finding in tool["findings"]]
    assert complaints == []
    created = await _call(programs, way, "create_note", {"title": TITLE, "content": CONTENT})
    got = await _call(programs, way, "get_note", {"uid": created["uid"]})
    assert created["version"] == 1
    expect_proof([tool["name"] for tool in listed["result"]["tools"]], created, got)


async def _call(programs: Programs, way: Way, tool: str, arguments: Json) -> Json:
    named = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
    content: Json = (await answer(programs, way, "tools/call", *named))["result"]["structuredContent"]
    return content


async def answer(programs: Programs, way: Way, method: str, *more: str) -> Json:
    """What it prints of one method."""
    header = f"Authorization: Bearer {way.token}"
    where = ["--cli", "--server-url", way.url, "--transport", way.transport, "--header", header]
    asked = ["--method", method, *more, "--format", "json", "-q"]
    status, out, err = await programs.output([*programs.package(INSPECTOR), *where, *asked])
    if status == AUTHENTICATION_REQUIRED:
        raise AuthenticationRequired
    if status != 0:
        raise ClientError(f"exit code {status}: {err}")
    said: Json = json.loads(out)
    return said
