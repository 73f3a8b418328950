"""What a token may do is the same at both programs of a stack, whatever name a setting has."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.harness.clients import Rest, over_http, token
from tests.harness.processes import Process, running
from tests.harness.stack import stack_process

pytestmark = pytest.mark.anyio
NOTE = {"title": "t", "content": "c"}


class May(NamedTuple):
    read: bool
    write: bool


EVERYTHING, NOTHING = May(read=True, write=True), May(read=False, write=False)
ONLY_READ, ONLY_WRITE = May(read=True, write=False), May(read=False, write=True)

CASES: dict[str, tuple[Mapping[str, str], Mapping[str, May]]] = {
    "the gateway's name alone": (
        {"TOOLBRIDGE_SCOPE_WRITE": "items.write"},
        {"read items.write": EVERYTHING, "read write": ONLY_READ, "items.write": ONLY_WRITE, "": NOTHING},
    ),
    "the API's name alone": (
        {"SCOPE_WRITE": "items.write", "SCOPE_READ": "items.read"},
        {"items.read items.write": EVERYTHING, "items.read write": ONLY_READ, "read write": NOTHING},
    ),
    "read-only, by the gateway's name": (
        {"TOOLBRIDGE_READ_ONLY": " 'Yes' "},
        {"read write": ONLY_READ, "read": ONLY_READ, "write": NOTHING},
    ),
    "read-only, by the API's name": ({"READ_ONLY": "true"}, {"read write": ONLY_READ}),
    "scopes required": ({"TOOLBRIDGE_REQUIRE_SCOPES": "on"}, {"read write": EVERYTHING, "none": NOTHING}),
    "nothing set": ({}, {"none": EVERYTHING, "read": ONLY_READ, "write": ONLY_WRITE, "other": NOTHING}),
}


def bearer(user: str, scope: str) -> str:
    return token(user, **({} if scope == "none" else {"scope": scope}))


async def through_the_gateway(stack: Process, bearer: str) -> May:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False, headers=headers) as http:
        if (await http.post("/mcp", json={})).status_code == httpx.codes.FORBIDDEN:
            return NOTHING
    async with over_http(stack.url, bearer) as tools:
        results = [await tools.result("list_notes"), await tools.result("create_note", **NOTE)]
    return May(*(not result.is_error for result in results))


async def straight_at_the_api(stack: Process, bearer: str) -> May:
    rest = Rest(f"http://127.0.0.1:{stack.environment['API_PORT']}", bearer)
    answers = [await rest("GET", "/v1/notes"), await rest("POST", "/v1/notes", json=NOTE)]
    await rest.aclose()
    refused = [answer for answer in answers if not answer.is_success]
    assert all(answer.status_code == 403 for answer in refused)
    return May(*(answer.is_success for answer in answers))


@pytest.mark.parametrize(("settings", "rights"), CASES.values(), ids=CASES)
async def test_both_programs_allow_the_same(
    settings: dict[str, str], rights: dict[str, May], api_binary: Path, tmp_path: Path, user: str
) -> None:
    stack = stack_process(api_binary, tmp_path, str, **settings, TENANT_SIGNATURES="v1 v2")
    with running(stack):
        for scope, may in rights.items():
            assert await straight_at_the_api(stack, bearer(user, scope)) == may, scope
            assert await through_the_gateway(stack, bearer(user, scope)) == may, scope
