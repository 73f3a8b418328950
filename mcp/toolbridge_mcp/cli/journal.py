"""`toolbridge journal`: who did what, in a file that can be checked without the database."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.cli.stack import Stack, path_with_api
from toolbridge_mcp.environment import cleaned

API = "toolbridge-api"
WRONG_USAGE = 2

Function = TypeVar("Function", bound=Callable[..., Any])
Write = Callable[[IO[bytes]], object]


@dataclass(frozen=True)
class Selection:
    """The lines that are wanted: of all users or of one, from one time until another."""

    owner: str | None
    since: str | None
    until: str | None

    @property
    def command(self) -> list[str]:
        given = {"-owner": self.owner, "-since": self.since, "-until": self.until}
        options = [word for name, value in given.items() if value is not None for word in (name, value)]
        return [API, "journal", "export", *options]


def selecting(function: Function) -> Function:
    """Adds the options of a selection to a command."""
    for name, metavar, help_ in (
        ("until", "TIME", "The last line was written before this time."),
        ("since", "TIME", "The first line was written at this time or later, such as 2026-01-31."),
        ("owner", "USER", "Only the lines of this user: the subject of the tokens, or the user's id."),
    ):
        function = click.option(f"--{name}", metavar=metavar, help=help_)(function)
    return function


def export(stack: Stack, file: Path | None, selection: Selection) -> None:
    """Writes the lines of the stack's own database, also while it runs. Raises `Failure`."""
    environment = _environment(stack)
    write_verified(
        file or stack.data / f"journal-{stamp()}.jsonl",
        lambda out: _run(selection.command, environment, out),
    )


def verify(stack: Stack, file: Path | None) -> str:
    """What the check of an export says, or without a file that of the stack's database. Raises `Failure`."""
    if file:
        return _checked(file)
    return _run([API, "journal", "verify"], _environment(stack), subprocess.PIPE)


def stamp() -> str:
    """The time as part of a file's name."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def write_verified(file: Path, write: Write) -> None:
    """Lets an export be written, checks it, and gives it its name: whoever finds the file has all of it. Only
    its owner can read it. Raises `Failure`, and then leaves nothing."""
    if file.exists():
        raise Failure(f"{file} exists; give the export another name.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".partial")
    except OSError as error:
        raise Failure(f"{file} cannot be written ({error.strerror}).") from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            write(out)
        said = _checked(Path(partial))
        Path(partial).rename(file)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    found = re.fullmatch(r"users=(\d+) lines=(\d+) digest=(\w+)\n", said)
    users, lines, digest = found.groups() if found else ("?", "?", "?")
    click.echo(f"Exported and verified {file}: lines {lines}, users {users}, digest {digest}")


def _checked(file: Path) -> str:
    return _run([API, "journal", "verify-export", str(file)], {"PATH": path_with_api()}, subprocess.PIPE)


def _environment(stack: Stack) -> Mapping[str, str]:
    if stack.given_api:
        raise Failure(
            f"The API at {stack.given_api} keeps the journals: run `{API} journal` where its database is."
        )
    return cleaned({**os.environ, **stack.environment()})


def _run(command: Sequence[str], environment: Mapping[str, str], out: IO[bytes] | int) -> str:
    """What a command of the API's program prints. What it says of a failure goes to the terminal."""
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise Failure("The API's program is not built yet; scripts/run.sh builds it.")
    done = subprocess.run([program, *command[1:]], env=environment, stdout=out, check=False)  # noqa: S603  ours
    if done.returncode == WRONG_USAGE:
        raise WrongUsage("Nothing was done; see above.")
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:3])} failed; see above.")
    return done.stdout.decode() if done.stdout else ""
