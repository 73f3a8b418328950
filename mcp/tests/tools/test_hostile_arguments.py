"""Arguments that no client should send: each is a mistake of the caller, and never a failure of the gateway.

The messages are written by hand, because no client library sends them. On `/mcp` without a session the SDK
parses them with `json.loads`, which takes more than the parser of the other transports.
"""

import json

import httpx
import pytest

from tests.harness.clients import CALL_SECONDS, META, Tools
from tests.harness.processes import Process
from tests.harness.recording import Recording

pytestmark = pytest.mark.anyio
UID = "5f0f9f0c-8f6e-4f5a-9d0e-2f4d6c1b7a35"

HALF, NUL = r"\ud800", r"\u0000"
"""Half of a surrogate pair, and U+0000, as JSON writes them."""

TEXTS = {
    "create_note": [
        '{"title": "%s", "content": "c"}',
        '{"title": "t", "content": "c", "tags": ["%s"]}',
        '{"title": "t", "content": "c", "additional_fields": {"a": [{"b": "%s"}]}}',
        '{"title": "t", "content": "c", "additional_fields": {"%s": 1}}',
        '{"title": "t", "content": "c", "%s": 1}',
    ],
    "update_task": ['{"uid": "UID", "title": "t", "description": "%s"}'],
    "patch_task": ['{"uid": "UID", "updates": {"tags": ["%s"]}}', '{"uid": "UID", "updates": {"a%s": 1}}'],
    "process_note": [
        '{"uid": "UID", "action": "%s"}',
        '{"uid": "UID", "action": "pin", "metadata": {"a": "%s"}}',
        '{"uid": "UID", "action": "pin", "metadata": {"%s": 1}}',
    ],
    "get_note": ['{"uid": "%s"}'],
    "list_notes": ['{"cursor": "%s"}', '{"tag": "a%s"}', '{"updated_since": "%s"}', '{"status": "%s"}'],
    "list_comments": ['{"parent_uid": "%s"}', '{"parent_type": "%s"}'],
}
NUMBERS = {
    "create_note": ['{"title": "t", "content": "c", "additional_fields": {"a": {"b": %s}}}'],
    "patch_note": ['{"uid": "UID", "updates": {"a": %s}}'],
    "process_note": ['{"uid": "UID", "action": "pin", "metadata": {"a": %s}}'],
    "list_notes": ['{"limit": %s}'],
    "delete_note": ['{"uid": "UID", "if_match": %s}'],
}


def cases(templates: dict[str, list[str]], *values: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("tool", "arguments"),
        [
            pytest.param(
                tool, template.replace("UID", UID).replace("%s", value), id=f"{tool} {template} {value}"
            )
            for tool, written in templates.items()
            for template in written
            for value in values
        ],
    )


async def call(gateway: Process, bearer: str, tool: str, arguments: str) -> tuple[httpx.Response, str]:
    """A call in revision 2026-07-28, and what the gateway logged during it."""
    logged = gateway.log.stat().st_size
    params = f'{{"name": "{tool}", "arguments": {arguments}, "_meta": {json.dumps(META)}}}'
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=CALL_SECONDS) as http:
        message = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}'
        answer = await http.post("/mcp", headers=headers, content=message)
    return answer, gateway.log.read_bytes()[logged:].decode()


async def refusal(gateway: Process, bearer: str, tool: str, arguments: str) -> str:
    answer, log = await call(gateway, bearer, tool, arguments)
    result = answer.json()["result"]
    assert result["isError"]
    says: str = result["content"][0]["text"]
    says.encode()
    assert len(says) < 400
    assert "inside the gateway" not in says
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    return says


@cases(TEXTS, HALF)
async def test_half_of_a_surrogate_pair_is_refused(
    tool: str, arguments: str, gateway: Process, bearer: str
) -> None:
    says = await refusal(gateway, bearer, tool, arguments)
    assert says.startswith("The arguments do not fit: ")
    assert "Correct them and call again." in says


@cases(TEXTS, NUL)
async def test_a_nul_character_is_refused(tool: str, arguments: str, gateway: Process, bearer: str) -> None:
    says = await refusal(gateway, bearer, tool, arguments)
    assert says.startswith("The arguments do not fit: ") or "U+0000" in says or "with this uid" in says


@cases(NUMBERS, "NaN", "-Infinity", "1e999")
async def test_a_number_that_is_not_finite_is_refused(
    tool: str, arguments: str, gateway: Process, bearer: str
) -> None:
    says = await refusal(gateway, bearer, tool, arguments)
    assert says.startswith("The arguments do not fit: ")
    assert "finite" in says


@pytest.mark.parametrize("number", [2**63, -(2**70), 10**30], ids=lambda number: f"{number:.0e}")
async def test_a_version_beyond_64_bits_is_refused(number: int, tools: Tools, upstream: Recording) -> None:
    assert "if_match should be" in await tools.refusal("delete_note", uid=UID, if_match=number)
    assert "limit should be" in await tools.refusal("list_notes", limit=number)
    assert upstream.calls == []


@pytest.mark.parametrize("levels", [150, 300, 900, 2_000, 100_000])
@pytest.mark.parametrize("tool", ["create_note", "patch_note", "process_note", "get_note"])
async def test_deep_nesting_is_refused(levels: int, tool: str, gateway: Process, bearer: str) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    arguments = {
        "create_note": f'{{"title": "t", "content": "c", "additional_fields": {deep}}}',
        "patch_note": f'{{"uid": "{UID}", "updates": {deep}}}',
        "process_note": f'{{"uid": "{UID}", "action": "pin", "metadata": {deep}}}',
        "get_note": f'{{"uid": "{UID}", "colour": {deep}}}',
    }[tool]
    answer, log = await call(gateway, bearer, tool, arguments)
    if answer.status_code in {400, 413}:
        says = answer.json()["error"]["message"]
        assert says.startswith(("The arguments do not fit: ", "The message has more than"))
    else:
        assert answer.json()["result"]["isError"]
        assert "inside the gateway" not in answer.text
    assert "Traceback" not in log
    assert '"level": "error"' not in log


async def test_deep_nesting_in_a_json_text_is_refused(tools: Tools, upstream: Recording) -> None:
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    says = await tools.refusal("create_note", title="t", content="c", additional_fields=deep)
    assert "additional_fields should be an object" in says
    assert upstream.calls == []


async def test_many_wrong_elements_are_one_problem(tools: Tools, upstream: Recording) -> None:
    says = await tools.refusal("create_note", title="t", content="c", tags=[1] * 100_000)
    assert says.startswith("The arguments do not fit: tags.0 should be a text")
    assert len(says) < 300
    says = await tools.refusal("get_note", **{f"a{number}": 1 for number in range(100_000)})
    assert says.startswith(
        "The arguments do not fit: arguments should be those of this tool: uid, include_deleted."
    )
    assert upstream.calls == []


async def test_many_elements_and_a_backslash_before_u0000_are_stored(tools: Tools) -> None:
    tags = [f"tag {number}" for number in range(10_000)]
    created = await tools.call("create_note", title=r"\u0000 \\u0000", content="c", tags=tags)
    assert created["payload"]["title"] == r"\u0000 \\u0000"
    assert created["payload"]["tags"] == tags


@pytest.mark.parametrize("arguments", ["[]", '"x"', "5"])
async def test_arguments_that_are_no_object_are_refused(
    arguments: str, gateway: Process, bearer: str
) -> None:
    answer, log = await call(gateway, bearer, "list_notes", arguments)
    assert answer.json()["error"]["message"] == "Invalid request parameters"
    assert "Traceback" not in log
