"""Renews the pictures of docs/operating.md: `python -m tests.operator.pictures API_PROGRAM [URL]`.

URL is the page of a busy deployment that has run for a while; without it the hour has one minute only.
"""

import sys
import tempfile
from pathlib import Path

import anyio

from tests.harness.processes import REPOSITORY
from tests.operator.browser import look
from tests.operator.scenes import SCENES

PICTURES = REPOSITORY / "docs/pictures"


async def main(program: Path, busy: str | None) -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, (scene, _, _) in SCENES.items():
        if name == "busy" and busy:
            await anyio.to_thread.run_sync(look, busy, PICTURES, name)
            continue
        with tempfile.TemporaryDirectory() as folder:
            async with scene(program, Path(folder)) as port:
                await anyio.to_thread.run_sync(look, port.url, PICTURES, name)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None)
