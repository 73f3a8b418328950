"""`toolbridge journal` with the real programs, and databases that the API wrote."""

import json
import os
import signal
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.cli.test_stack import Machine
from tests.harness.clients import signed, token
from tests.harness.processes import SECRETS, api_process, running


@pytest.fixture
def machine(tmp_path: Path, api_binary: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path, api_binary)
    machine.environment.update(SECRETS)
    yield machine
    machine("down")


def write(api_url: str, user: str, notes: int) -> None:
    """Writes a user's notes in one request."""
    items = [{"uid": f"00000000-0000-4000-8000-{n:012d}", "title": "a secret title"} for n in range(notes)]
    answer = httpx.post(
        f"{api_url}/v1/sync/notes/push",
        json={"items": items},
        headers={"Authorization": f"Bearer {token(user)}", "X-Sync-Session": "new"},
        auth=signed,
    )
    assert answer.is_success, answer.text


@pytest.fixture
def written(machine: Machine, api_binary: Path) -> Machine:
    """A machine whose database has the journals of two users. Nothing runs on it."""
    machine.data.mkdir()
    with running(api_process(api_binary, machine.data)) as api:
        write(api.url, "ann", 1000)
        write(api.url, "bob", 2)
    return machine


def records(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def alter(machine: Machine, statement: str) -> None:
    with closing(sqlite3.connect(machine.data / "toolbridge.db")) as connection, connection:
        connection.execute(statement)


def test_the_journals_of_a_running_stack_are_exported_and_verified(machine: Machine, tmp_path: Path) -> None:
    code, said = machine("up", "--detach")
    assert code == 0, said
    write(f"http://127.0.0.1:{machine.environment['API_PORT']}", "ann", 3)
    file = tmp_path / "exports/journal.jsonl"
    code, said = machine("journal", "export", str(file))
    assert code == 0, said
    digest = records(file)[-1]["digest"]
    # Four lines are about the account of the user dev.
    assert said == f"Exported and verified {file}: lines 7, users 2, digest {digest}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    assert "secret" not in file.read_text()
    assert machine("journal", "verify", str(file)) == (0, f"users=2 lines=7 digest={digest}\n")
    assert machine("journal", "verify") == (0, "owners=2 lines=7 contents=0\n")


def test_an_export_is_of_one_user_and_of_a_time(written: Machine, tmp_path: Path) -> None:
    for options, lines in (
        (["--owner", "bob"], 2),
        (["--owner", "ann", "--since", "2020-01-01"], 1000),
        (["--until", "2020-01-01"], 0),
    ):
        file = tmp_path / f"{lines}.jsonl"
        code, said = written("journal", "export", str(file), *options)
        assert (code, f"lines {lines}, " in said) == (0, True), said
    code, said = written("journal", "export", "--owner", "bob")
    (made,) = written.data.glob("journal-*.jsonl")
    assert code == 0
    assert str(made) in said


def test_a_line_that_was_changed_in_the_database_is_named(written: Machine, tmp_path: Path) -> None:
    alter(written, "UPDATE journal SET client = 'other' WHERE seq = 2 AND author = 'bob'")
    code, said = written("journal", "verify")
    assert code == 1
    assert "line 2: its hash is not that of what it says" in said
    code, said = written("journal", "export", str(tmp_path / "journal.jsonl"))
    assert code == 1
    assert "line 2 of the journal: it was changed" in said
    assert not list(tmp_path.glob("*journal*")), "an export that is not sound gets no name"


def test_an_export_that_was_changed_is_refused(written: Machine, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    code, said = written("journal", "export", str(file), "--owner", "bob")
    assert code == 0, said
    lines = file.read_text().splitlines(keepends=True)
    for changed, says in (
        ("".join(lines[1:]), "lines before line 2 are missing"),
        ("".join(lines[:-1]), "the export is not whole"),
        (file.read_text().replace('"created"', '"deleted"', 1), "line 1 of the file"),
    ):
        file.write_text(changed)
        code, said = written("journal", "verify", str(file))
        assert code == 1
        assert says in said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_half_an_export_has_never_the_files_name(
    written: Machine, tmp_path: Path, number: signal.Signals
) -> None:
    # The program writes a part of the export, and then waits for a signal.
    slow = tmp_path / "bin/toolbridge-api"
    real = slow.readlink()
    slow.unlink()
    slow.write_text(f'#!/bin/sh\n"{real}" "$@" | head -c 100000\nexec sleep 60\n')
    slow.chmod(0o755)
    folder = tmp_path / "exports"
    process = written.start("journal", "export", str(folder / "journal.jsonl"))
    until = time.monotonic() + 60
    while not any(each.stat().st_size for each in folder.glob(".*.partial")):
        assert time.monotonic() < until
        time.sleep(0.05)
    try:
        process.send_signal(number)
        process.wait()
        left = [each.name for each in folder.iterdir()]
        assert not [name for name in left if not name.endswith(".partial")]
        assert number == signal.SIGKILL or left == []
    finally:
        for child in written_by(folder):
            os.kill(child, signal.SIGKILL)
        process.communicate()


def written_by(folder: Path) -> list[int]:
    """The processes that still have a file of the folder open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(each.readlink().is_relative_to(folder) for each in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_what_cannot_be_exported_is_said(written: Machine, tmp_path: Path) -> None:
    there = tmp_path / "there.jsonl"
    there.touch()
    for arguments, settings, code, says in (
        ([str(there)], {}, 1, "exists; give the export another name"),
        (["--owner", "eve"], {}, 1, "that user has no journal"),
        (["--since", "yesterday"], {}, 2, "a time is a date or time of ISO 8601"),
        ([], {"TOOLBRIDGE_GO_API_BASE_URL": "https://api.example"}, 1, "keeps the journals"),
        ([str(there / "below.jsonl")], {}, 1, "cannot be written"),
        ([], {"DATABASE_URL": f"sqlite://{tmp_path}/none.db"}, 1, "no such file"),
        ([], {"PATH": "/nowhere", "TOOLBRIDGE_API_BINARY": "/nowhere/toolbridge-api"}, 1, "scripts/run.sh"),
    ):
        found, said = written("journal", "export", *arguments, **settings)
        assert (found, says in said) == (code, True), said
    assert not list(tmp_path.glob("**/*.partial"))
    assert not list(written.data.glob("journal*"))
