"""Keys of many tenants from one master secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.harness.processes import GATEWAY_FOLDER, REPOSITORY, SECRETS
from toolbridge_mcp import environment
from toolbridge_mcp.cli.main import toolbridge
from toolbridge_mcp.cli.tenant.fleet import derived
from toolbridge_mcp.keyring import parse
from toolbridge_mcp.supervision.__main__ import of_programs
from toolbridge_mcp.uses import TENANT, TOKEN

MASTER = "0123456789abcdef0123456789abcdef"


def key(folder: Path, *arguments: str, master: str | None = MASTER) -> tuple[int, str]:
    settings = {environment.FLEET_SECRET: master}
    command = ["tenant", "key", "acme", "--folder", str(folder), *arguments]
    result = CliRunner().invoke(toolbridge, command, env=settings)
    return result.exit_code, result.output


def test_a_key_is_that_of_the_document(tmp_path: Path) -> None:
    """Another program can derive the same."""
    code, said = key(tmp_path, "--id", "k2026-11-28")
    assert code == 0
    text = (REPOSITORY / "docs/deploy-fly.md").read_text()
    assert said.strip() in text
    assert MASTER in text
    assert "`toolbridge/tenant/acme/k2026-11-28`" in text


def test_use_tenant_and_id_make_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.FLEET_SECRET, MASTER)
    found = {derived(TENANT, "acme", "k1"), derived(TOKEN, "acme", "k1")}
    found |= {derived(TENANT, "other", "k1"), derived(TENANT, "acme", "k2")}
    monkeypatch.setenv(environment.FLEET_SECRET, MASTER.upper())
    found.add(derived(TENANT, "acme", "k1"))
    assert len(found) == 5
    assert {len(one) for one in found} == {64}


def test_a_key_can_be_printed_as_lists_have_it(tmp_path: Path) -> None:
    _, secret = key(tmp_path, "--id", "k2026-11-28", "--use", "token")
    code, said = key(tmp_path, "--id", "k2026-11-28", "--use", "token", "--list")
    assert code == 0
    (only,) = parse(said)
    assert (only.id, str(only.made), only.secret.decode()) == ("k2026-11-28", "2026-11-28", secret.strip())


@pytest.mark.parametrize(
    ("arguments", "master", "says"),
    [
        (("--id", "k1"), None, "TOOLBRIDGE_FLEET_SECRET has 0 bytes"),
        (("--id", "k1"), "short", "TOOLBRIDGE_FLEET_SECRET has 5 bytes"),
        (("--id", "k 1"), MASTER, "--id is 1 to 32 letters"),
        ((), MASTER, "Missing option '--id'"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, arguments: tuple[str, ...], master: str | None, says: str
) -> None:
    code, said = key(tmp_path, *arguments, master=master)
    assert code == 2
    assert says in said
    assert not master or master not in said


def test_a_key_is_not_printed_to_a_terminal() -> None:
    primary, secondary = os.openpty()
    command = [sys.executable, "-m", "toolbridge_mcp", "tenant", "key", "acme", "--id", "k1"]
    settings = {"PATH": os.environ["PATH"], environment.FLEET_SECRET: MASTER}
    for more, code in (([], 2), (["--show"], 0)):
        done = subprocess.run(
            [*command, *more], env=settings, cwd=GATEWAY_FOLDER, stdout=secondary, check=False
        )
        assert done.returncode == code
    os.close(secondary)
    assert len(os.read(primary, 200).strip()) == 64
    os.close(primary)


def test_no_program_gets_the_master() -> None:
    given = {**SECRETS, environment.FLEET_SECRET: MASTER}
    assert environment.FLEET_SECRET not in environment.cleaned(given)
    assert environment.FLEET_SECRET not in of_programs(given)


def test_a_container_with_the_master_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp.supervision"],
        env={**SECRETS, "TOOLBRIDGE_HOME": "/nowhere", environment.FLEET_SECRET: MASTER},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the secret of the whole fleet must not be here" in done.stdout
    assert MASTER not in done.stdout + done.stderr
