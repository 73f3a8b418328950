"""docs/logs.md describes the lines that the programs write."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness.by_hand import signed_tenant
from tests.harness.clients import Rest, over_http, token
from tests.harness.processes import (
    REPOSITORY,
    TENANT_HEADER_SECRET,
    TENANT_ID,
    api_process,
    gateway_process,
    running,
)

DOCUMENT = (REPOSITORY / "docs/logs.md").read_text()
FIELDS = re.findall(r"^\| `(\w+)` \| .* \| (both|gateway|API) \|$", DOCUMENT, re.MULTILINE)
COMMANDS = re.findall(r"^jq .*$", DOCUMENT, re.MULTILINE)
IN_FAULTS = {"cause", "exception", "at"}
"""Fields of lines that are written when something is broken; `test_logs.py` shows those of the gateway."""

MADE_BY_COMMANDS = {"bytes", "calls"}

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
async def logs(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The logs of both programs after some calls, by where the document says that a field is."""
    api_folder, gateway_folder = (tmp_path_factory.mktemp(name) for name in ("api", "gateway"))
    traced = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    with (
        running(api_process(api_binary, api_folder)) as api,
        running(gateway_process(api.url, gateway_folder)) as gateway,
    ):
        async with over_http(gateway.url, token("ann")) as tools:
            note = await tools.call("create_note", title="a title", content="a content")
            await tools.client.call_tool_mcp("get_note", {"uid": note["uid"]}, meta=traced)
            await tools.refusal("get_note", uid="0" * 8)
        late = signed_tenant(TENANT_HEADER_SECRET, TENANT_ID, age_seconds=400)
        rest = Rest(api.url, token("ann"))
        refused = await rest("GET", "/v1/notes", headers=late)
        await rest.aclose()
        assert refused.json()["code"] == "invalid_tenant"
    return {"API": api.log, "gateway": gateway.log}


def calls(log: Path) -> Lines:
    lines = map(json.loads, log.read_text().splitlines())
    ours = {"tool", "reason"}  # of a request whose signature is refused, the API does not believe the tool
    return [line for line in lines if line["message"] in {"tool call", "request"} and ours & line.keys()]


@pytest.mark.anyio
@pytest.mark.parametrize("program", ["gateway", "API"])
async def test_the_fields_are_those_of_real_lines(logs: dict[str, Path], program: str) -> None:
    described = {name for name, where in FIELDS if where in {"both", program}} - IN_FAULTS
    assert set().union(*calls(logs[program])) == described
    in_order = [name for name, _ in FIELDS]
    assert len(in_order) == len(set(in_order))


@pytest.mark.anyio
async def test_lines_of_one_call_share_what_they_have_in_common(logs: dict[str, Path]) -> None:
    (called,) = (line for line in calls(logs["gateway"]) if "trace_id" in line)
    requested = [line for line in calls(logs["API"]) if line.get("trace_id") == called["trace_id"]]
    assert requested
    for name in ("correlation_id", "tenant", "subject", "client", "tool"):
        assert {line[name] for line in requested} == {called[name]}
    assert called["ms"] > called["upstream_ms"] > sum(line["ms"] for line in requested)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_name_fields_that_there_are(command: str) -> None:
    named = set(re.findall(r"(?<![\w\]])\.(\w+)", command))
    assert named
    assert named <= {name for name, _ in FIELDS} | MADE_BY_COMMANDS
