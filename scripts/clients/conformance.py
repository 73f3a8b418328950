"""The official conformance suite over `/mcp`: every scenario that applies to any server.

The others ask for something that only a server made for the suite has. A scenario that is in no table here
fails, so that a newer suite is looked at.
"""

import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from e2e.callers import token
from e2e.report import Report, expect
from e2e.stack import Stack

from clients.header_proxy import header_proxy
from clients.programs import Programs

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
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "caching",
    "http-header-validation",
}
NEED_A_TOOL = ("tools-call-", "elicitation-", "input-required-result-", "json-schema-", "http-custom-header")
NEED_A_STREAMING_TOOL = ("server-sse-polling",)
NEED_A_RESOURCE = ("resources-read-", "resources-templates-", "resources-subscribe", "resources-unsubscribe")
NEED_A_PROMPT = ("prompts-get-",)
NEED_COMPLETIONS = ("completion-complete",)
DO_NOT_APPLY = NEED_A_TOOL + NEED_A_STREAMING_TOOL + NEED_A_RESOURCE + NEED_A_PROMPT + NEED_COMPLETIONS
"""How the names begin of those that need what the gateway does not offer. Some of them pass all the same,
since an unknown tool is an error too."""

SPECIAL_TOOL = "test_missing_capability"
"""Two of the checks in `server-stateless` are about this tool of the suite's own."""

RESULT = re.compile(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed", re.MULTILINE)
ERROR = re.compile(r"^ +Error: (.*)$", re.MULTILINE)


async def conformance(report: Report, programs: Programs, stack: Stack) -> None:
    """One check for each scenario of each run."""
    address = urlsplit(stack.gateway)
    header = f"Authorization: Bearer {token(stack, 'conformance')}"
    async with header_proxy(str(address.hostname), address.port or 80, header) as url:
        for suite, revision in RUNS:
            suite_of = Suite(programs, suite, revision, f"{url}/mcp")
            name = f"conformance suite {suite_of.version}, {revision}"
            await report.check(f"{name}: runs", suite_of.run())
            for scenario in suite_of.counts:
                await report.check(f"{name}: {scenario}", suite_of.holds(scenario))


class Suite:
    """One version of the suite at one revision of the protocol, and how many checks passed and failed."""

    def __init__(self, programs: Programs, program: str, revision: str, url: str) -> None:
        self._programs = programs
        self._command = [*programs.package(program), "server", "--url", url, "--spec-version", revision]
        self.version = programs.version(program)
        self.counts: dict[str, tuple[int, int]] = {}

    async def run(self) -> str:
        said = await self._say("--suite", "all")
        results = {name: (int(good), int(bad)) for name, good, bad in RESULT.findall(said)}
        unknown = [name for name in results if name not in APPLY and not name.startswith(DO_NOT_APPLY)]
        expect(not unknown, f"scenarios that nobody looked at: {unknown}")
        self.counts = {name: counts for name, counts in results.items() if name in APPLY}
        expect(self.counts, f"no scenario ran: {said[-300:]}")
        others = len(results) - len(self.counts)
        return f"{len(self.counts)} scenarios apply, {others} need what only the suite's own server has"

    async def holds(self, scenario: str) -> str:
        passed, failed = self.counts[scenario]
        errors = ERROR.findall(await self._say("--scenario", scenario)) if failed else []
        real = [error for error in errors if SPECIAL_TOOL not in error]
        expect(len(errors) == failed and not real, f"{failed} failed: {real}")
        expect(passed, "nothing was checked")
        return f"{passed} checks" + (f", {failed} on the suite's own tool" if failed else "")

    async def _say(self, *what: str) -> str:
        """Through a file: it ends without waiting until a pipe is read."""
        with tempfile.TemporaryDirectory(dir=self._programs.home) as folder:
            said = Path(folder) / "said"
            script = ["sh", "-c", 'exec "$@" >"$0" 2>&1', str(said)]
            await self._programs.output([*script, *self._command, *what])
            return said.read_text()
