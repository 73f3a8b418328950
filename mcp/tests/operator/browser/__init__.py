"""The operator's page in a real browser."""

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
    node, packages = _packages()
    chromium = next(filter(None, map(shutil.which, PROGRAMS)), "")
    left = [str(pictures), name] if pictures else []
    command = [str(node), str(HERE / "look.mjs"), str(packages), chromium, url, *left]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    seen: Seen = json.loads(done.stdout)
    return seen
