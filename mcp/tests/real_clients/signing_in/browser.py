"""A command that clients run as the browser of their user. A scripted person sits in front of it.

`python -m tests.real_clients.signing_in.browser FOLDER ADDRESS` is what the command does: it visits the
address as the person of that folder, and goes where the last page sends it, which is the client's own.
"""

import asyncio
import json
import os
import shlex
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.harness.person import Person
from tests.harness.processes import GATEWAY_FOLDER

NAMES = ("browser", "xdg-open")
"""The second is what a client runs that does not look at BROWSER."""

CALLBACK_SECONDS = 20
"""How long the person waits for a client that opens its port after the browser."""


@dataclass(frozen=True)
class Browser:
    """The command in `folder`, and what was visited with it. `account` is the person's name and password;
    without one the pages ask nothing."""

    folder: Path
    account: tuple[str, str] | None = None

    def install(self) -> None:
        self.folder.mkdir()
        (self.folder / "account.json").write_text(json.dumps(self.account))
        go = shlex.join(["cd", str(GATEWAY_FOLDER)])
        visit = shlex.join([sys.executable, "-m", __name__, str(self.folder)])
        # A browser goes its own way: the client's call returns at once.
        script = f'#!/bin/sh\n{go} && {visit} "$1" >/dev/null 2>&1 &\n'
        for name in NAMES:
            (self.folder / name).write_text(script)
            (self.folder / name).chmod(0o755)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client needs to find the command."""
        return {"BROWSER": str(self.folder / NAMES[0]), "PATH": f"{self.folder}:{os.environ['PATH']}"}

    @property
    def visits(self) -> list[str]:
        """How each visit went: "ok", or what went wrong."""
        said = self.folder / "visits"
        return said.read_text().splitlines() if said.exists() else []


async def arrive(address: str) -> None:
    """Asks the client's own address, as soon as it listens."""
    end = asyncio.get_running_loop().time() + CALLBACK_SECONDS
    async with httpx.AsyncClient(trust_env=False, timeout=30, follow_redirects=True) as http:
        while True:
            try:
                answer = await http.get(address)
            except httpx.ConnectError:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(0.1)
            else:
                assert answer.status_code < 400, f"{urlsplit(address).path} answers {answer.status_code}"
                return


def main(folder: str, address: str) -> None:
    said = "ok"
    try:
        account = json.loads((Path(folder) / "account.json").read_text())
        asyncio.run(_go(address, account))
    except Exception:  # noqa: BLE001  nobody sees what the process prints
        said = " | ".join(traceback.format_exc().splitlines())
    with (Path(folder) / "visits").open("a") as visits:
        visits.write(f"{said}\n")


async def _go(address: str, account: tuple[str, str] | None) -> None:
    parts = urlsplit(address)
    name, password = account or ("nobody", "nothing")
    with Person(f"{parts.scheme}://{parts.netloc}", name, password) as person:
        onward = await asyncio.to_thread(person.visits, address)
    await arrive(onward)


if __name__ == "__main__":
    main(*sys.argv[1:])
