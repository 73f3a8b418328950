"""flyctl, the command of Fly.io, and the machine of a tenant."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from toolbridge_mcp.cli.failures import Failure


@dataclass(frozen=True)
class Fly:
    """Runs flyctl, or with `dry_run` prints the commands that it would run."""

    dry_run: bool

    def say(self, text: str) -> None:
        """Reports a result. A dry run has none."""
        if not self.dry_run:
            sys.stderr.write(text.strip() + "\n")

    def run(self, *arguments: str, given: Mapping[str, str] | None = None) -> None:
        """`given` goes to standard input, where no list of processes and no history shows it."""
        if self._printed(arguments, f"  # on standard input: {', '.join(given)}" if given else ""):
            return
        text = "".join(f"{name}={value}\n" for name, value in given.items()) if given else None
        self._checked(arguments, text, None)

    def output(self, *arguments: str) -> str:
        """What flyctl prints; empty in a dry run."""
        if self._printed(arguments, ""):
            return ""
        return self._checked(arguments, None, subprocess.PIPE)

    def save(self, out: IO[bytes], *arguments: str) -> None:
        """Writes what flyctl prints to a file. Not for a dry run."""
        self._checked(arguments, None, out)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """The objects that flyctl lists; empty in a dry run."""
        said = self.output(*arguments, "--json")
        found = json.loads(said) if said else []
        return found or []

    def _printed(self, arguments: Sequence[str], note: str) -> bool:
        if self.dry_run:
            sys.stdout.write(shlex.join(["flyctl", *arguments]) + note + "\n")
        return self.dry_run

    def _checked(self, arguments: Sequence[str], given: str | None, out: IO[bytes] | int | None) -> str:
        try:
            done = subprocess.run(  # noqa: S603  no shell, and names are checked
                ["flyctl", *arguments],  # noqa: S607  the operator's own
                input=given,
                stdout=out,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise Failure(
                "flyctl is not on PATH; https://fly.io/docs/flyctl/install/ says how to install it."
            ) from error
        if done.returncode != 0:
            raise Failure(
                f"flyctl {' '.join(arguments[:2])} failed with exit code {done.returncode}; see above."
            )
        return done.stdout or ""


@dataclass(frozen=True)
class Machine:
    id: str
    image: str


def machine_of(fly: Fly, app: str) -> Machine:
    """The one machine of a tenant. Raises `Failure` before the first deployment."""
    found = fly.json("machine", "list", "--app", app)
    if fly.dry_run:
        return Machine("MACHINE", "IMAGE")
    if not found:
        raise Failure(f"{app} has no machine; deploy it first.")
    return Machine(found[0]["id"], found[0]["config"]["image"])


def on_machine(fly: Fly, app: str, machine: Machine, command: str) -> str:
    """Runs a command in the container and returns what it prints."""
    return fly.output(*_in_container(app, machine, command))


def show_from_machine(fly: Fly, app: str, machine: Machine, command: str) -> None:
    """Runs a command in the container, whose output is this command's."""
    fly.run(*_in_container(app, machine, command))


def save_from_machine(fly: Fly, app: str, machine: Machine, command: str, out: IO[bytes]) -> None:
    """Runs a command in the container and writes what it prints to a file."""
    fly.save(out, *_in_container(app, machine, command))


def _in_container(app: str, machine: Machine, command: str) -> tuple[str, ...]:
    where = ("--app", app, "--machine", machine.id, "--quiet", "--pty=false")
    return ("ssh", "console", *where, "--command", command)
