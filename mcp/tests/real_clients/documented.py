"""The two programs in docs/clients.md, run as they are shown."""

import re
import sys

from tests.harness.processes import REPOSITORY
from tests.harness.published import TOOLS
from tests.real_clients.programs import Programs
from tests.real_clients.proof import Way

DOCUMENT = REPOSITORY / "docs/clients.md"
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def documented_python(programs: Programs, way: Way) -> None:
    _expect_printed(await programs.success([sys.executable, "-c", _code("python", way)]))


async def documented_typescript(programs: Programs, way: Way) -> None:
    command = [str(programs.node), "--input-type=module", "-e", _code("javascript", way)]
    _expect_printed(await programs.success(command, folder=programs.packages))


def _code(language: str, way: Way) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (program,) = found
    return str(program).replace("https://tenant.example", way.gateway).replace("TOKEN", way.token)


def _expect_printed(output: str) -> None:
    tools, uid = output.splitlines()
    assert tools == f"{len(TOOLS)} tools"
    assert UID.fullmatch(uid)
