"""Pages in a real browser: the operator's, and those of the sign-in."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.real_clients.packages import STATE, find_node, install_packages

HERE = Path(__file__).parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 240

Seen = dict[str, dict[str, Any]]
"""What was seen, by view: `light`, `dark`, `phone`, `phone-dark` and `enlarged`."""


@cache
def _packages() -> tuple[Path, Path]:
    node, npm = find_node()
    return node, install_packages(npm, HERE, STATE / "browser")


def look(url: str, pictures: Path | None = None, name: str = "") -> Seen:
    """Looks at the page. With a folder, pictures are left there, whose names begin with `name`."""
    seen: Seen = run(HERE / "look.mjs", url, *([str(pictures), name] if pictures else []))
    return seen


def run(script: Path, *arguments: str) -> Any:
    """What a script prints as JSON that gets the folder of the packages, the path of a Chromium or nothing,
    and these arguments."""
    node, packages = _packages()
    chromium = next(filter(None, map(shutil.which, PROGRAMS)), "")
    command = [str(node), str(script), str(packages), chromium, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
