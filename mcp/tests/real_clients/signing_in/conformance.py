"""The conformance suite's scenarios for authorization servers."""

import asyncio
import re
import subprocess
from pathlib import Path

from tests.harness.processes import free_port
from tests.login.by_hand import Discovered
from tests.real_clients.signing_in.place import Place

PROGRAM = "conformance-next/dist/index.js"
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
ADDRESS = re.compile(r"^https?://\S+/authorize\?\S+$", re.MULTILINE)


async def conformance(place: Place, revision: str) -> str:
    """What it prints. A client is registered for it before, and the person of the place opens its address."""
    found = await Discovered.at(place.url)
    port = free_port()
    registered = (await found.register(f"http://127.0.0.1:{port}/callback")).raise_for_status().json()
    asked = {
        "--url": found.server["issuer"],
        "--client-id": registered["client_id"],
        "--resource": place.url,
        "--port": str(port),
        "--spec-version": revision,
    }
    words = [word for pair in asked.items() for word in pair]
    # Through a file, since the suite ends without waiting until a pipe is read.
    output = place.home / f"conformance-{revision}"
    script = ["sh", "-c", 'exec "$@" >"$0" 2>&1', str(output)]
    command = [*script, *place.programs.package(PROGRAM), "authorization", *words]
    running = asyncio.create_task(place.programs.output(command, folder=None, **place.environment()))
    opening = asyncio.create_task(_open(output, place.browser.environment["BROWSER"]))
    await asyncio.wait([running])
    opening.cancel()
    return await asyncio.to_thread(_printed, output)


async def _open(output: Path, browser: str) -> None:
    """Opens the address that the suite prints."""
    while not (found := ADDRESS.search(await asyncio.to_thread(_printed, output))):
        await asyncio.sleep(0.1)
    await asyncio.to_thread(subprocess.run, [browser, found[0]], check=True)


def _printed(output: Path) -> str:
    return output.read_text() if output.exists() else ""
