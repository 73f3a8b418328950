"""`toolbridge tenant` with a stand-in for flyctl, which runs the container's commands for real."""

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from tests.cli.test_journal import write as write_notes
from tests.harness.processes import GATEWAY_FOLDER, REPOSITORY, api_process, running
from toolbridge_mcp.cli.key_files import today
from toolbridge_mcp.keyring import parse

STAND_IN = Path(__file__).with_name("flyctl.py")


class Operator:
    """Somebody at a terminal with toolbridge, flyctl, and one folder for tenants."""

    def __init__(self, folder: Path, api: Path) -> None:
        self.fly = folder / "fly"
        self.tenants = folder / "tenants"
        programs = folder / "bin"
        for made in (self.fly, programs):
            made.mkdir()
        for name, what in (("flyctl", f'"{STAND_IN}"'), ("toolbridge", "-m toolbridge_mcp")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {what} "$@"\n')
            (programs / name).chmod(0o755)
        (programs / "toolbridge-api").symlink_to(api)
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {"PATH": path, "FLY_STAND_IN": str(self.fly), "HOME": str(folder)}

    def __call__(self, *arguments: str, typed: str = "", **environment: str) -> str:
        """What a command that succeeds says."""
        code, said = self.tries(*arguments, typed=typed, **environment)
        assert code == 0, said
        return said

    def tries(self, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "toolbridge_mcp", "tenant", *arguments, "--folder", str(self.tenants)],
            env={**self.environment, **environment},
            cwd=GATEWAY_FOLDER,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def calls(self) -> list[str]:
        """What flyctl was called with, without times."""
        file = self.fly / "calls"
        text = file.read_text() if file.exists() else ""
        text = text.replace(str(REPOSITORY), "REPOSITORY").replace(str(self.tenants), "TENANTS")
        return re.sub(r"\d{8}T\d{6}Z", "TIME", text).splitlines()

    def since(self, before: list[str]) -> list[str]:
        return self.calls[len(before) :]

    @property
    def secrets(self) -> dict[str, str]:
        lines = (self.fly / "secrets").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def fly_toml(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self.tenants / name / "fly.toml").read_text())

    def database(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        file = self.fly / "machine/data/toolbridge.db"
        subprocess.run(
            [self.environment["PATH"].split(":")[0] + "/toolbridge-api", "migrate"],
            env={"DATABASE_URL": f"sqlite://{file}"},
            check=True,
            capture_output=True,
        )
        connection = sqlite3.connect(file)
        try:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
        finally:
            connection.close()
        return rows

    def write(self, tenant: str) -> None:
        self.database("INSERT INTO account VALUES (?, ?, 1, 0, 0, '')", tenant, f"owner-{self.rows()}")

    def rows(self) -> int:
        return int(self.database("SELECT COUNT(*) FROM account")[0][0])


@pytest.fixture
def operator(tmp_path: Path, api_binary: Path) -> Operator:
    return Operator(tmp_path, api_binary)


def test_a_tenants_whole_life(operator: Operator) -> None:
    operator("new", "acme", "--region", "ams", "--org", "us")
    operator("deploy", "acme")
    operator.write("acme")
    operator("backup", "acme")
    operator.write("acme")
    (backup,) = (operator.tenants / "acme/backups").iterdir()
    operator("restore", "acme", str(backup), typed="acme\n")
    assert operator.rows() == 1
    operator("deploy", "acme")
    operator("rollback", "acme")
    operator("status", "acme")
    operator("destroy", "acme", typed="acme\n")
    config, where = (
        "--config TENANTS/acme/fly.toml --ha=false --yes",
        "--app toolbridge-acme --machine m1 --quiet",
    )
    volume = "--app toolbridge-acme --region ams --size 1 --snapshot-retention 14 --yes"
    restored = "toolbridge-api restore -replace toolbridge.db /tmp/restore-TIME.db"
    listed = "machine list --app toolbridge-acme --json"
    build = r"--build-arg VERSION=\S+ --build-arg REVISION=\w+"
    expected = [
        "apps create toolbridge-acme --org us",
        "secrets import --stage --app toolbridge-acme",
        f"volumes create toolbridge_data {volume}",
        f"deploy REPOSITORY {config} {build}",
        listed,
        f"ssh console {where} --pty=false --command 'toolbridge-api backup /tmp/acme-TIME.db'",
        f"ssh sftp get /tmp/acme-TIME.db TENANTS/acme/backups/acme-TIME.db {where}",
        f"ssh console {where} --pty=false --command 'rm -f /tmp/acme-TIME.db'",
        listed,
        "machine update m1 --app toolbridge-acme --command 'sleep infinity' --skip-health-checks --yes",
        f"ssh sftp put TENANTS/acme/backups/acme-TIME.db /tmp/restore-TIME.db --mode 0600 {where}",
        f"ssh console {where} --pty=false --command '{restored}'",
        f"deploy {config} --image registry.example/app:build-1",
        f"deploy REPOSITORY {config} {build}",
        listed,
        "releases --image --app toolbridge-acme --json",
        f"deploy {config} --image registry.example/app:build-1",
        "status --app toolbridge-acme",
        "checks list --app toolbridge-acme",
        "volumes list --app toolbridge-acme",
        "releases --image --app toolbridge-acme",
        "apps destroy toolbridge-acme --yes",
    ]
    for call, pattern in zip(operator.calls, expected, strict=True):
        wanted = pattern if build in pattern else re.escape(pattern)
        assert re.fullmatch(wanted, call), f"{call}\nis not\n{pattern}"
    (kept,) = operator.tenants.iterdir()
    assert kept.name.startswith("acme.destroyed-")
    assert (kept / "backups" / backup.name).stat().st_mode & 0o777 == 0o600


def test_secrets_are_made_and_never_shown(operator: Operator) -> None:
    said = operator("new", "acme")
    lists = operator.secrets
    assert set(lists) == {"TENANT_HEADER_KEYS", "JWT_HS256_KEYS"}
    shown = said + "".join(operator.calls) + (operator.tenants / "acme/fly.toml").read_text()
    for (key,) in map(parse, lists.values()):
        assert key.made == today()
        assert len(key.secret) == 64
        assert key.secret.decode() not in shown
    kept = operator.tenants / "acme/jwt-secret"
    assert kept.read_text().strip() == parse(lists["JWT_HS256_KEYS"])[0].secret.decode()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_a_given_key_for_tokens_is_taken_and_not_kept(operator: Operator) -> None:
    operator("new", "acme", JWT_HS256_SECRET="k" * 40)
    assert operator.secrets["JWT_HS256_SECRET"] == "k" * 40
    assert [file.name for file in (operator.tenants / "acme").iterdir()] == ["fly.toml"]


def test_given_lists_of_keys_are_taken(operator: Operator) -> None:
    lists = {"TENANT_HEADER_KEYS": f"k1:2026-11-28:{'h' * 40}", "JWT_HS256_KEYS": f"k1:2026-11-28:{'k' * 40}"}
    operator("new", "acme", **lists)
    assert operator.secrets == lists


def test_two_tenants_share_nothing(operator: Operator) -> None:
    operator("new", "one")
    first = operator.secrets
    operator("new", "two", "--app", "other")
    assert not set(first.values()) & set(operator.secrets.values())
    one, two = operator.fly_toml("one"), operator.fly_toml("two")
    assert (one["app"], two["app"]) == ("toolbridge-one", "other")
    assert two["env"]["TENANT_ID"] == "two"
    assert two["env"]["TOOLBRIDGE_PUBLIC_URL"] == "https://other.fly.dev"


def test_a_tenants_fly_toml_is_the_template_with_its_own_lines(operator: Operator) -> None:
    operator("new", "acme", "--region", "ams")
    template = tomllib.loads((REPOSITORY / "fly.toml").read_text())
    own = operator.fly_toml("acme")
    assert (operator.tenants / "acme" / own["build"]["dockerfile"]).resolve() == REPOSITORY / "Dockerfile.mcp"
    assert own["primary_region"] == "ams"
    for key in ("app", "primary_region", "build", "env"):
        del template[key], own[key]
    assert own == template


def test_postgres_takes_the_place_of_the_volume(operator: Operator) -> None:
    database = "postgres://user:hidden@host/name"
    said = operator("new", "acme", "--postgres", DATABASE_URL=database)
    own = operator.fly_toml("acme")
    assert "mounts" not in own
    assert "DATABASE_URL" not in own["env"]
    assert own["deploy"]["release_command"] == "toolbridge-api migrate"
    assert own["deploy"]["release_command_timeout"] == own["deploy"]["wait_timeout"] == "30m"
    assert operator.secrets["DATABASE_URL"] == database
    assert "hidden" not in said + "".join(operator.calls)
    assert not [call for call in operator.calls if call.startswith("volumes")]
    code, said = operator.tries("backup", "acme")
    assert code == 1
    assert "pg_dump" in said


def test_only_with_postgres_there_is_more_than_one_machine(operator: Operator) -> None:
    operator("new", "acme", "--postgres", DATABASE_URL="postgres://host/name")
    operator("scale", "acme", "2")
    where = "--config TENANTS/acme/fly.toml --app toolbridge-acme"
    assert operator.calls[-1] == f"scale count 2 {where} --yes"
    operator("new", "small")
    before = operator.calls
    for name, machines, exit_code, says in (("small", "2", 1, "volume"), ("acme", "0", 2, "at least one")):
        code, said = operator.tries("scale", name, machines)
        assert code == exit_code
        assert says in said
    assert operator.since(before) == []


def test_an_identity_provider_takes_the_place_of_the_key(operator: Operator) -> None:
    operator("new", "acme", "--jwks-url", "https://id/k", "--issuer", "https://id", "--audience", "a b")
    assert set(operator.secrets) == {"TENANT_HEADER_KEYS"}
    environment = operator.fly_toml("acme")["env"]
    assert environment["JWT_JWKS_URL"] == "https://id/k"
    assert environment["JWT_AUDIENCE"] == "a b"


def test_a_dry_run_prints_every_command_and_does_nothing(operator: Operator) -> None:
    said = operator("new", "acme", "--dry-run")
    assert "flyctl apps create toolbridge-acme" in said
    assert "# on standard input: TENANT_HEADER_KEYS, JWT_HS256_KEYS" in said
    assert not operator.tenants.exists()
    operator("new", "acme")
    operator("new", "large", "--postgres", DATABASE_URL="postgres://host/name")
    before = operator.calls
    for arguments in (["deploy"], ["status"], ["backup"], ["restore"], ["rollback"], ["destroy"]):
        files = ["some.db"] if arguments == ["restore"] else []
        said = operator(*arguments, "acme", *files, "--dry-run")
        assert said.startswith("flyctl ")
    assert " 'toolbridge-api journal export'" in operator("journal", "export", "acme", "--dry-run")
    assert operator("scale", "large", "2", "--dry-run").startswith("flyctl scale count 2 ")
    assert operator.since(before) == []


@pytest.mark.parametrize("command", [["restore", "acme", "BACKUP"], ["destroy", "acme"]])
@pytest.mark.parametrize("typed", ["", "\n", "Acme\n", "toolbridge-acme\n"])
def test_nothing_is_destroyed_unless_the_name_is_typed(
    operator: Operator, tmp_path: Path, command: list[str], typed: str
) -> None:
    operator("new", "acme")
    backup = tmp_path / "backup.db"
    backup.touch()
    before = operator.calls
    code, said = operator.tries(*(word.replace("BACKUP", str(backup)) for word in command), typed=typed)
    assert code == 1
    assert "nothing was done" in said
    assert operator.since(before) == []


def test_a_backup_that_did_not_arrive_whole_is_not_kept(operator: Operator) -> None:
    operator("new", "acme")
    operator("deploy", "acme")
    operator.write("acme")
    (operator.fly / "damage").touch()
    code, said = operator.tries("backup", "acme")
    assert code == 1
    assert "did not arrive whole" in said
    assert list((operator.tenants / "acme/backups").iterdir()) == []
    assert list((operator.fly / "machine/tmp").iterdir()) == []


def test_a_restore_that_fails_puts_the_tenant_back_into_service(operator: Operator, tmp_path: Path) -> None:
    operator("new", "acme")
    operator("deploy", "acme")
    operator.write("acme")
    damaged = tmp_path / "damaged.db"
    damaged.write_text("damaged")
    code, said = operator.tries("restore", "acme", str(damaged), "--confirm", "acme")
    assert code == 1
    assert "not a whole SQLite database" in said
    assert operator.calls[-1].endswith("--image registry.example/app:build-1")
    assert operator.rows() == 1


def test_a_failure_of_flyctl_ends_the_command(operator: Operator) -> None:
    (operator.fly / "failing").write_text("secrets import")
    code, said = operator.tries("new", "acme")
    assert code == 1
    assert "flyctl secrets import failed" in said
    assert operator.calls[-1].startswith("secrets import")
    assert "destroy" in operator.tries("new", "acme")[1]
    operator("destroy", "acme", "--confirm", "acme")
    (operator.fly / "failing").unlink()
    operator("new", "acme")


@pytest.mark.parametrize("name", ["Acme", "-acme", "a/b", "..", "a" * 41, ""])
def test_a_name_that_cannot_be_one_is_refused(operator: Operator, name: str) -> None:
    code, _ = operator.tries("new", "--", name) if name.startswith("-") else operator.tries("new", name)
    assert code == 2
    assert operator.calls == []


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (["new", "acme", "--postgres"], 2, "DATABASE_URL"),
        (["new", "acme", "--jwks-url", "https://id"], 2, "belong together"),
        (
            ["new", "acme", "--api-url", "https://api"],
            2,
            "TENANT_HEADER_SECRET and JWT_HS256_SECRET: not set",
        ),
        (["new", "acme", "--api-url", "https://api", "--postgres"], 2, "DATABASE_URL"),
        (["new", "acme", "--api-url", "api.example"], 2, "--api-url is no address"),
        (["new", "acme", "--api-url", "https://api/v1"], 2, "--api-url is no address"),
        (["deploy", "acme"], 1, "toolbridge tenant new acme"),
        (["restore", "acme", "none.db"], 1, "toolbridge tenant new acme"),
    ],
)
def test_half_a_command_says_what_is_missing(
    operator: Operator, arguments: list[str], exit_code: int, says: str
) -> None:
    code, said = operator.tries(*arguments)
    assert code == exit_code
    assert says in said
    assert operator.calls == []


API_SECRETS = {"TENANT_HEADER_SECRET": "h" * 40, "JWT_HS256_SECRET": "k" * 40}


def test_in_front_of_an_api_that_runs_already_the_gateway_has_no_data(operator: Operator) -> None:
    api = "https://api.example"
    operator("new", "acme", "--api-url", api, "--tenant-id", "acme-gmbh", **API_SECRETS)
    own = operator.fly_toml("acme")
    assert own["env"]["TOOLBRIDGE_GO_API_BASE_URL"] == api
    assert own["env"]["TENANT_ID"] == "acme-gmbh"
    assert "DATABASE_URL" not in own["env"]
    assert "mounts" not in own
    assert "release_command" not in own["deploy"]
    assert operator.secrets == API_SECRETS
    assert not [call for call in operator.calls if call.startswith("volumes")]
    operator("scale", "acme", "2")
    for command in (["backup", "acme"], ["restore", "acme", "some.db"]):
        code, said = operator.tries(*command)
        assert code == 1
        assert "data is that of its API" in said


def test_the_address_of_the_api_may_come_from_the_environment(operator: Operator) -> None:
    keys = ("--jwks-url", "https://id/k", "--issuer", "https://id", "--audience", "a")
    header = {"TENANT_HEADER_SECRET": "h" * 40}
    operator("new", "acme", *keys, TOOLBRIDGE_GO_API_BASE_URL="https://api.example", **header)
    assert operator.fly_toml("acme")["env"]["TOOLBRIDGE_GO_API_BASE_URL"] == "https://api.example"
    assert operator.secrets == header


@pytest.fixture
def journalled(operator: Operator, api_binary: Path) -> Operator:
    """An operator whose tenant acme has the journals of two users."""
    operator("new", "acme")
    operator("deploy", "acme")
    with running(api_process(api_binary, operator.fly / "machine/data")) as api:
        write_notes(api.url, "ann lee", 3)
        write_notes(api.url, "bob", 2)
    return operator


def test_the_journals_of_a_tenant_are_exported_and_verified(journalled: Operator, tmp_path: Path) -> None:
    before = journalled.calls
    said = journalled("journal", "export", "acme")
    (file,) = (journalled.tenants / "acme/journals").iterdir()
    assert said.startswith(f"Exported and verified {file}: lines 5, users 2, digest ")
    assert file.stat().st_mode & 0o777 == 0o600
    one = tmp_path / "one.jsonl"
    said = journalled("journal", "export", "acme", str(one), "--owner", "ann lee", "--since", "2020-01-01")
    assert said.startswith(f"Exported and verified {one}: lines 3, users 1, digest ")
    assert "owners=2 lines=5 contents=0" in journalled("journal", "verify", "acme")
    of_one = "toolbridge-api journal export -owner 'ann lee' -since 2020-01-01"
    where = "--app toolbridge-acme --machine m1 --quiet --pty=false --command"
    assert [call for call in journalled.since(before) if call.startswith("ssh")] == [
        f"ssh console {where} 'toolbridge-api journal export'",
        f"ssh console {where} {quote(of_one)}",
        f"ssh console {where} 'toolbridge-api journal verify'",
    ]


def test_an_export_that_did_not_arrive_whole_is_not_kept(journalled: Operator) -> None:
    (journalled.fly / "damage").touch()
    code, said = journalled.tries("journal", "export", "acme")
    assert code == 1
    assert "the export is not whole" in said
    assert list((journalled.tenants / "acme/journals").iterdir()) == []


def test_a_tenant_in_front_of_another_api_has_no_journals(operator: Operator) -> None:
    secrets = {"TENANT_HEADER_SECRET": "s" * 40, "JWT_HS256_SECRET": "k" * 40}
    operator("new", "acme", "--api-url", "https://api", **secrets)
    before = operator.calls
    for command in ("export", "verify"):
        code, said = operator.tries("journal", command, "acme")
        assert (code, "runs elsewhere" in said) == (1, True)
    assert operator.since(before) == []
