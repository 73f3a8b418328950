"""The two programs in docs/clients.md, run as they are shown."""

import re
import sys
from pathlib import Path

from e2e.report import Failed, expect

from clients.programs import Programs
from clients.proof import Way

DOCUMENT = Path(__file__).parents[2] / "docs/clients.md"
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def documented_python(programs: Programs, way: Way) -> str:
    return _printed(await programs.success([sys.executable, "-c", _code("python", way)]))


async def documented_typescript(programs: Programs, way: Way) -> str:
    command = [str(programs.node), "--input-type=module", "-e", _code("javascript", way)]
    return _printed(await programs.success(command, folder=programs.clients))


def _code(language: str, way: Way) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    expect(len(found) == 1, f"{len(found)} programs in {language}")
    return str(found[0]).replace("https://tenant.example", way.gateway).replace("TOKEN", way.token)


def _printed(output: str) -> str:
    tools, uid = output.splitlines()
    if tools != "40 tools" or not UID.fullmatch(uid):
        raise Failed(f"it printed: {output[:200]}")
    return tools
