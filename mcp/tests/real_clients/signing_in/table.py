"""`python -m tests.real_clients.signing_in.table API_BINARY [CLIENT]` prints a table of clients, transports
and steps. It takes a few minutes; CLIENT is a part of a name."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.harness.table import head, row
from tests.real_clients.packages import find_node, install_packages
from tests.real_clients.programs import Programs
from tests.real_clients.signing_in.client_document import client_document
from tests.real_clients.signing_in.clients import CLIENTS, TRANSPORTS
from tests.real_clients.signing_in.deployment import Deployment, deployment
from tests.real_clients.signing_in.journey import STEPS, Journey, place_of, travel

TRANSPORT_PATHS = {"sse": "/sse", "http": "/mcp"}


async def journeys(api: Path, folder: Path, part: str = "") -> dict[tuple[str, str], Journey]:
    """Those of all clients with this part of a name, at the same time."""
    node, npm = find_node()
    programs = Programs(node, install_packages(npm), folder)
    async with client_document(folder) as document:
        with deployment(api, folder, **document.trust) as running:
            made = {
                (name, transport): await _journey(name, transport, programs, running, folder, document.url)
                for name in CLIENTS
                for transport in TRANSPORTS
                if part in name
            }
            await asyncio.gather(*(travel(journey, running) for journey in made.values()))
    return made


async def _journey(
    name: str, transport: str, programs: Programs, running: Deployment, folder: Path, document: str
) -> Journey:
    place = await place_of(name, transport, programs, running, folder)
    place.kept["document"] = document
    return Journey(CLIENTS[name], place)


def main(api: str, part: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(journeys(Path(api).resolve(), Path(folder), part))
    head("client", "over", *STEPS, numbers_from=9)
    for (name, transport), journey in made.items():
        row(name, TRANSPORT_PATHS[transport], *(journey.came.get(step, "") for step in STEPS))


if __name__ == "__main__":
    main(*sys.argv[1:])
