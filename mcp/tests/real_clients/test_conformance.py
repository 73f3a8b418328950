"""The official conformance suite over `/mcp`: every scenario that applies to any server.

The other scenarios need something that only a server made for the suite has. A scenario that is in no table
here fails, so that somebody sorts the scenarios of a newer suite.
"""

import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.harness.deployment import OwnStack
from tests.real_clients.header_proxy import header_proxy
from tests.real_clients.programs import Programs

pytestmark = [pytest.mark.anyio, pytest.mark.clients]

STABLE, NEXT = "conformance/dist/index.js", "conformance-next/dist/index.js"
RUNS = [
    (STABLE, "2025-06-18"),
    (STABLE, "2025-11-25"),
    (NEXT, "2025-03-26"),
    (NEXT, "2025-06-18"),
    (NEXT, "2025-11-25"),
    (NEXT, "2026-07-28"),
]

APPLY = {
    "server-initialize",
    "server-session-lifecycle",
    "server-stateless",
    "logging-set-level",
    "ping",
    "tools-list",
    "resources-list",
    "sep-2164-resource-not-found",
    "prompts-list",
    "completion-complete",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "caching",
    "http-header-validation",
}
NEED_A_TOOL = ("tools-call-", "elicitation-", "input-required-result-", "json-schema-", "http-custom-header")
NEED_A_STREAMING_TOOL = ("server-sse-polling",)
NEED_A_RESOURCE = ("resources-read-", "resources-templates-", "resources-subscribe", "resources-unsubscribe")
NEED_A_PROMPT = ("prompts-get-",)
DO_NOT_APPLY = NEED_A_TOOL + NEED_A_STREAMING_TOOL + NEED_A_RESOURCE + NEED_A_PROMPT
"""Beginnings of names: these scenarios need a tool, a resource or a prompt of the suite's own. Some of them
pass all the same, since an unknown tool is an error too."""

SPECIAL_TOOL = "test_missing_capability"
"""Two of the checks in `server-stateless` are about this tool of the suite's own."""

RESULT = re.compile(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", re.MULTILINE)
ERROR = re.compile(r"^ +Error: (.*)$", re.MULTILINE)


@pytest.mark.parametrize(("program", "revision"), RUNS, ids=lambda value: str(value).partition("/")[0])
async def test_the_suite_finds_nothing_wrong(
    stack: OwnStack, programs: Programs, program: str, revision: str
) -> None:
    address = urlsplit(stack.url)
    header = f"Authorization: Bearer {stack.token_of('conformance')}"
    async with header_proxy(str(address.hostname), address.port or 80, header) as url:
        suite = Suite(programs, program, revision, f"{url}/mcp")
        counts = await suite.run()
        assert counts, "no scenario ran"
        assert await suite.failures(counts) == {}


class Suite:
    """One version of the suite at one revision of the protocol."""

    def __init__(self, programs: Programs, program: str, revision: str, url: str) -> None:
        self._programs = programs
        self._command = [*programs.package(program), "server", "--url", url, "--spec-version", revision]

    async def run(self) -> dict[str, tuple[int, int]]:
        """How many checks passed and failed in each scenario that applies."""
        results = RESULT.findall(await self._output("--suite", "all"))
        unknown = [name for name, _, _ in results if name not in APPLY and not name.startswith(DO_NOT_APPLY)]
        assert not unknown, f"sort these new scenarios into the tables of this file: {unknown}"
        return {name: (int(passed), int(failed)) for name, passed, failed in results if name in APPLY}

    async def failures(self, counts: dict[str, tuple[int, int]]) -> dict[str, list[str]]:
        """The errors of each scenario, those about the suite's own tool aside."""
        found = {}
        for scenario, (passed, failed) in counts.items():
            assert passed, f"{scenario}: nothing was checked"
            errors = ERROR.findall(await self._output("--scenario", scenario)) if failed else []
            assert len(errors) == failed, f"{scenario}: {failed} failed, {len(errors)} errors are shown"
            if real := [error for error in errors if SPECIAL_TOOL not in error]:
                found[scenario] = real
        return found

    async def _output(self, *arguments: str) -> str:
        """It goes through a file, since the suite ends without waiting until a pipe is read."""
        with tempfile.TemporaryDirectory(dir=self._programs.home) as folder:
            output = Path(folder) / "output"
            script = ["sh", "-c", 'exec "$@" >"$0" 2>&1', str(output)]
            await self._programs.output([*script, *self._command, *arguments])
            return output.read_text()
