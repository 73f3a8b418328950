"""A PostgreSQL server of one's own, as scripts/lib.sh makes it: stopped and started again at will."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.processes import REPOSITORY

LIBRARY = REPOSITORY / "scripts/lib.sh"


class PostgresServer:
    """Its files and its socket are in `folder`, which must not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def url(self) -> str:
        return f"postgres://toolbridge@/postgres?host={self._folder}"

    def start(self) -> None:
        self._run("need_postgres; start_postgres")

    def start_again(self) -> None:
        self._run("need_postgres; start_postgres_again")

    def stop(self) -> None:
        """At once, and returns when it has ended."""
        self._run("stop_postgres")

    def _run(self, commands: str) -> None:
        script = f'set -euo pipefail; . "$1"; POSTGRES_FOLDER=$2; {commands}'
        # The server would inherit a pipe and keep it open.
        done = subprocess.run(
            ["bash", "-c", script, "postgres", str(LIBRARY), str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{commands}: exit code {done.returncode}; {self._folder}/log says more"


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """`folder` must be one that every user may enter: root starts the server as another."""
    folder.chmod(0o711)
    server = PostgresServer(folder / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.stop()
