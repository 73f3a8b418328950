"""Unmodified clients at ToolBridge's own sign-in."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.harness.processes import free_port
from tests.harness.published import TOOLS
from tests.operator.browser import run
from tests.real_clients.programs import INSPECTOR, Programs
from tests.real_clients.signing_in.claude_code import claude_code
from tests.real_clients.signing_in.conformance import REVISIONS, conformance
from tests.real_clients.signing_in.deployment import deployment
from tests.real_clients.signing_in.journey import FINE, place_of
from tests.real_clients.signing_in.place import TITLE, expect_worked
from tests.real_clients.signing_in.table import journeys

pytestmark = pytest.mark.clients
WEB = Path(__file__).parent / "signing_in/inspector-web.mjs"


def test_each_client_signs_in_comes_back_refreshes_and_signs_in_again(
    api_binary: Path, tmp_path: Path
) -> None:
    made = asyncio.run(journeys(api_binary, tmp_path))
    assert {way: journey.came for way, journey in made.items() if not journey.is_whole} == {}


def test_claude_code_registers_where_the_gateway_reaches_no_site_outside(
    api_binary: Path, tmp_path: Path, programs: Programs
) -> None:
    with deployment(api_binary, tmp_path, TOOLBRIDGE_LOGIN_DOCUMENTS="false") as deployed:
        place = asyncio.run(place_of("Claude Code", "http", programs, deployed, tmp_path))
        expect_worked(asyncio.run(claude_code(place)))
    assert place.browser.visits == [FINE]


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_conformance_suite_finds_nothing_wrong_with_the_authorization_server(
    revision: str, api_binary: Path, tmp_path: Path, programs: Programs
) -> None:
    with deployment(api_binary, tmp_path) as deployed:
        place = asyncio.run(place_of("conformance", "http", programs, deployed, tmp_path))
        printed = asyncio.run(conformance(place, revision))
    assert "✓ authorization-code-grant: 1 passed, 0 failed" in printed
    assert "Total: " in printed
    assert ", 0 failed" in printed.partition("Total: ")[2]
    assert "WARNING" not in printed


def test_a_person_signs_in_with_the_inspectors_web_interface(
    api_binary: Path, tmp_path: Path, programs: Programs
) -> None:
    with deployment(api_binary, tmp_path) as deployed:
        name, password = asyncio.run(deployed.account("web"))
        servers = {
            "sse": f"{deployed.gateway.url}/sse",
            "streamable-http": f"{deployed.gateway.url}/mcp",
        }
        given = {
            "launcher": str(programs.packages / "node_modules" / INSPECTOR),
            "home": str(tmp_path),
            "port": free_port(),
            "servers": servers,
            "name": name,
            "password": password,
            "title": TITLE,
        }
        came = run(WEB, json.dumps(given))
    assert came == dict.fromkeys(servers, f"Tools ({len(TOOLS)})")
