"""Programs that only tests need, which scripts/test.sh builds from Go modules where PATH has none."""

import shutil
from pathlib import Path

from tests.harness.processes import REPOSITORY


def program(module: str, name: str) -> Path:
    """The program `name`, from PATH or from the module of that name in tests/telemetry/programs."""
    found = Path(shutil.which(name) or REPOSITORY / ".toolbridge/programs" / module / name)
    assert found.exists(), f"{name} is needed: install it, or run scripts/test.sh, which builds it"
    return found
