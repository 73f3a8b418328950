"""`toolbridge tenant rotate-secret` on the stack of this machine; `tests/trouble` puts load on it."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.tenant.test_fleet import MASTER
from tests.cli.test_stack import Machine
from tests.harness import log_search
from tests.harness.by_hand import signed_token
from tests.harness.clients import token
from tests.harness.processes import GATEWAY_FOLDER, SECRETS, Process
from toolbridge_mcp.cli import key_files
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.key_files import Keys, today, word
from toolbridge_mcp.cli.proof import prove
from toolbridge_mcp.cli.settings_file import values
from toolbridge_mcp.cli.tenant.rotation.readers import SETTLE_SECONDS
from toolbridge_mcp.environment import FLEET_SECRET
from toolbridge_mcp.keyring import Key

ROTATE = ("tenant", "rotate-secret")
OF_TOKENS = (*ROTATE, "--use", "token")


@dataclass
class Stack:
    """A stack that runs, and what its files say."""

    machine: Machine

    @property
    def settings(self) -> dict[str, str]:
        return values(Path(self.machine.environment["TOOLBRIDGE_ENV_FILE"]))

    def keys(self, use: str) -> Keys:
        found = key_files.read(self.machine.data / "keys" / use)
        for key in found.keys:
            log_search.confide(log_search.Kind.SECRET, key.secret.decode())
        return found

    def works(self, secret: str | None = None) -> bool:
        """Whether a call succeeds with a token that the present secret, or this one, has signed."""
        claims = {"sub": "dev", "exp": int(time.time()) + 60}
        bearer = signed_token(secret or self.settings["JWT_HS256_SECRET"], claims)
        try:
            prove(f"http://127.0.0.1:{self.machine.environment['TOOLBRIDGE_PORT']}", bearer)
        except Failure:
            return False
        return True

    def agrees(self) -> bool:
        """Whether the file of settings has the secret that signs, of each use."""
        tenant, token = (self.keys(use).keys[0].secret.decode() for use in ("tenant", "token"))
        settings = self.settings
        return (settings["TENANT_HEADER_SECRET"], settings["JWT_HS256_SECRET"]) == (tenant, token)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, api_binary: Path) -> Iterator[Stack]:
    machine = Machine(tmp_path_factory.mktemp("stack"), api_binary)
    code, said = machine("up", "--detach", **{FLEET_SECRET: MASTER})
    assert code == 0, said
    yield Stack(machine)
    machine("down")
    for log in machine.data.glob("toolbridge.log*"):
        log_search.this_run().keep(log)


@pytest.fixture
def machine(tmp_path: Path, api_binary: Path) -> Machine:
    """One with nothing that runs."""
    return Machine(tmp_path, api_binary)


def test_the_programs_do_not_see_the_master_of_the_fleet(stack: Stack) -> None:
    names = {name for process in stack.machine.processes() for name in process.environ()}
    assert {"TENANT_HEADER_KEYS_FILE", "JWT_HS256_KEYS_FILE"} <= names
    assert not {FLEET_SECRET, "TENANT_HEADER_SECRET", "JWT_HS256_SECRET"} & names


def test_one_command_changes_the_tenants_secret(stack: Stack) -> None:
    before = stack.settings
    (old,) = stack.keys("tenant").keys
    code, said = stack.machine(*ROTATE)
    assert code == 0, said
    (new,) = stack.keys("tenant").keys
    lines = said.splitlines()
    read = "; API and gateway have read it after "
    assert lines[0].startswith(f"add     {new.id} is accepted beside {old.id}{read}")
    assert lines[1].startswith(f"switch  {new.id} is the first, and the file of settings has it{read}")
    assert lines[2].startswith(f"retire  {old.id} refused from now on{read}")
    assert stack.settings == {**before, "TENANT_HEADER_SECRET": new.secret.decode()}
    assert stack.works()
    for secret in (old.secret.decode(), new.secret.decode()):
        assert secret not in said


def test_the_old_key_of_tokens_is_accepted_until_its_tokens_have_expired(stack: Stack) -> None:
    old = stack.settings["JWT_HS256_SECRET"]
    code, said = stack.machine(*OF_TOKENS)
    assert code == 0, said
    assert f"retire  not now: until {today() + timedelta(days=30)} there may be tokens" in said
    assert stack.settings["JWT_HS256_SECRET"] != old
    assert stack.works()
    assert stack.works(old)
    code, said = stack.machine(*OF_TOKENS, "--retire-now")
    assert code == 0, said
    assert stack.works()
    assert not stack.works(old)


def test_it_is_retired_by_the_same_command_when_they_have(stack: Stack) -> None:
    assert stack.machine(*OF_TOKENS)[0] == 0
    keys = stack.keys("token")
    long_ago = Keys(keys.keys, keys.stage, today() - timedelta(days=30))
    key_files.write(stack.machine.data / "keys/token", long_ago)
    code, said = stack.machine(*OF_TOKENS)
    assert code == 0, said
    assert stack.keys("token") == Keys(keys.keys[:1])
    assert stack.agrees()


def test_each_step_can_be_repeated(stack: Stack) -> None:
    for step in ("add", "switch", "retire"):
        found = []
        for _ in range(2):
            code, said = stack.machine(*ROTATE, "--step", step)
            found.append(stack.keys("tenant"))
            if step == "switch" or code == 0:
                assert code == 0, said
        assert found[0] == found[1]
        assert stack.works()
    assert "done before" in said
    assert stack.agrees()


def test_steps_out_of_order_change_nothing(stack: Stack) -> None:
    code, said = stack.machine(*ROTATE, "--step", "switch")
    assert (code, "begin with --step add" in said) == (1, True)
    assert stack.machine(*ROTATE, "--step", "add")[0] == 0
    before = stack.keys("tenant")
    code, said = stack.machine(*ROTATE, "--step", "retire")
    assert (code, "do --step switch first" in said) == (1, True)
    assert stack.keys("tenant") == before
    assert stack.machine(*ROTATE)[0] == 0
    assert stack.agrees()


def switched(stack: Stack) -> bool:
    return stack.keys("tenant").stage == "switched"


POINTS: dict[str, Callable[[Stack], bool]] = {
    "after the file has the new key": lambda stack: stack.keys("tenant").stage == "added",
    "after the new key is the first": switched,
}


@pytest.mark.parametrize("point", POINTS)
def test_a_walk_that_was_killed_goes_on(stack: Stack, point: str) -> None:
    (old,) = stack.keys("tenant").keys
    process = stack.machine.start(*ROTATE)
    while not POINTS[point](stack):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.communicate()
    interrupted = stack.keys("tenant")
    assert stack.works()
    code, said = stack.machine(*ROTATE)
    assert code == 0, said
    (new,) = stack.keys("tenant").keys
    assert new in interrupted.keys
    assert new.secret != old.secret
    assert stack.agrees()
    assert stack.works()
    assert {file.name for file in (stack.machine.data / "keys").iterdir()} == {"tenant", "token", ".lock"}


def test_of_two_at_once_one_is_done(stack: Stack) -> None:
    walks = [stack.machine.start(*ROTATE) for _ in range(2)]
    said = ["".join(walk.communicate(timeout=60)) for walk in walks]
    assert sorted(walk.returncode for walk in walks) == [0, 1], said
    assert "Another command changes the keys" in "".join(said)
    assert stack.agrees()


@pytest.mark.parametrize("step", ["add", "switch", "retire"])
def test_a_step_that_cannot_write_changes_nothing(stack: Stack, step: str) -> None:
    """The system refuses each byte, as on a full disk."""
    for earlier in ("add", "switch", "retire"):
        if earlier == step:
            break
        assert stack.machine(*ROTATE, "--step", earlier)[0] == 0
    before, settings = stack.keys("tenant"), stack.settings
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", *ROTATE, "--step", step],
        env={**stack.machine.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=GATEWAY_FOLDER,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert f"{step}: " in done.stderr
    assert "so nothing fails" in done.stderr
    assert str(stack.machine.data / "keys/tenant") in done.stderr or step == "switch"
    assert "None" not in done.stderr
    assert (stack.keys("tenant"), stack.settings) == (before, settings)
    assert stack.works()
    assert stack.machine(*ROTATE)[0] == 0
    assert stack.agrees()


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe"])
def test_a_file_that_was_ruined_is_said_and_left_alone(stack: Stack, content: bytes) -> None:
    path = stack.machine.data / "keys/tenant"
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        for more in ((), ("--dry-run",), ("--step", "add")):
            code, said = stack.machine(*ROTATE, *more)
            assert (code, "Traceback" in said) == (1, False)
            assert f"{path} " in said
            assert "correct it" in said
        assert path.read_bytes() == content
        assert stack.works()
    finally:
        path.write_bytes(before)
    assert stack.agrees()


def test_programs_whose_log_leaves_it_out_are_given_time(machine: Machine) -> None:
    try:
        assert machine("up", "--detach", LOG_LEVEL="warn", TOOLBRIDGE_LOG_LEVEL="warning")[0] == 0
        stack, begun = Stack(machine), time.monotonic()
        code, said = machine(*ROTATE)
        assert code == 0, said
        assert time.monotonic() - begun > len(key_files.STEPS) * SETTLE_SECONDS
        assert stack.agrees()
        assert stack.works()
    finally:
        machine("down")


def test_a_program_that_is_paused_is_waited_for(stack: Stack) -> None:
    gateways = [one for one in stack.machine.processes() if "serve" in one.cmdline()]
    process = stack.machine.start(*ROTATE, "--step", "add")
    for gateway in gateways:
        gateway.send_signal(signal.SIGSTOP)
    try:
        time.sleep(3)
        assert process.poll() is None
    finally:
        for gateway in gateways:
            gateway.send_signal(signal.SIGCONT)
    said = "".join(process.communicate(timeout=60))
    assert process.returncode == 0, said
    assert stack.machine(*ROTATE)[0] == 0


def test_an_api_that_starts_again_meanwhile_has_read_the_file(stack: Stack) -> None:
    (api,) = (one for one in stack.machine.processes() if "toolbridge-api" in one.cmdline()[0])
    api.send_signal(signal.SIGSTOP)
    process = stack.machine.start(*ROTATE, "--step", "add")
    time.sleep(2)
    api.kill()
    said = "".join(process.communicate(timeout=60))
    assert process.returncode == 0, said
    assert stack.machine(*ROTATE)[0] == 0
    assert stack.works()


def test_a_secret_that_was_changed_in_the_settings_is_followed(stack: Stack) -> None:
    """By hand, or by a stack on another data folder that has the same settings."""
    file, chosen = Path(stack.machine.environment["TOOLBRIDGE_ENV_FILE"]), "c" * 40
    file.write_text(file.read_text().replace(stack.settings["TENANT_HEADER_SECRET"], chosen))
    code, said = stack.machine(*ROTATE)
    assert code == 0, said
    assert [key.secret.decode() for key in stack.keys("tenant").keys] == [chosen]
    assert stack.agrees()
    assert stack.works()


def test_a_dry_run_changes_nothing(stack: Stack) -> None:
    before = stack.keys("tenant")
    code, said = stack.machine(*ROTATE, "--dry-run")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["add", "switch", "retire"]
    assert stack.keys("tenant") == before


def test_new_keys_are_derived_from_the_master_of_the_fleet(stack: Stack, tmp_path: Path) -> None:
    fleet = {FLEET_SECRET: MASTER}
    code, said = stack.machine(*ROTATE, "--id", "k-fleet", **fleet)
    assert code == 0, said
    command = ("tenant", "key", stack.settings["TENANT_ID"], "--id", "k-fleet", "--folder", str(tmp_path))
    found = [stack.settings["TENANT_HEADER_SECRET"]]
    assert stack.machine(*command, **fleet)[1].strip() == found[0]
    for _ in range(3):
        code, said = stack.machine(*ROTATE, **fleet)
        assert code == 0, said
        found.append(stack.settings["TENANT_HEADER_SECRET"])
    assert len({*found}) == 4, "a secret that was retired does not come back on the same day"
    assert stack.works()


def test_a_restart_finds_the_keys_as_they_are(stack: Stack) -> None:
    assert stack.machine(*OF_TOKENS)[0] == 0
    before, old = stack.keys("token"), stack.keys("token").keys[1].secret.decode()
    assert stack.machine("down")[0] == 0
    code, said = stack.machine("up", "--detach")
    assert code == 0, said
    assert stack.keys("token") == before
    assert stack.works(old)
    code, said = stack.machine("doctor", TOOLBRIDGE_TOKEN=stack.machine("token")[1].strip())
    assert code == 0, said


def test_other_commands_sign_with_the_key_of_the_stack(stack: Stack, api: Process, tmp_path: Path) -> None:
    """A signature names its key, and the settings have only its secret."""
    assert stack.machine(*ROTATE, "--id", "k-named")[0] == 0
    (tmp_path / "there").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    (tmp_path / "tokens").write_text(f"{stack.machine('token')[1].strip()} {token('dev')}\n")
    here = f"http://127.0.0.1:{stack.machine.environment['API_PORT']}"
    sides = ("--from", here, "--to", api.url, "--to-settings", str(tmp_path / "there"))
    files = ("--tokens", str(tmp_path / "tokens"), "--state", str(tmp_path / "state"))
    code, said = stack.machine("copy", *sides, *files)
    assert code == 0, said
    code, said = stack.machine("doctor", TOOLBRIDGE_TOKEN=stack.machine("token")[1].strip())
    assert code == 0, said
    code, said = stack.machine("journal", "verify")
    assert code == 0, said


def test_where_nothing_runs_nothing_is_changed(machine: Machine) -> None:
    assert machine("token")[0] == 0
    before = Path(machine.environment["TOOLBRIDGE_ENV_FILE"]).read_text()
    code, said = machine(*ROTATE)
    assert (code, "Nothing runs on" in said) == (1, True)
    assert Path(machine.environment["TOOLBRIDGE_ENV_FILE"]).read_text() == before
    assert not machine.data.exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        ((), {"TENANT_HEADER_SECRET": "s" * 40}, "TENANT_HEADER_SECRET is in the environment"),
        (("--use", "token"), {"JWT_JWKS_URL": "https://id/keys"}, "JWT_JWKS_URL is in the environment"),
        (("--step", "none"), {}, "'none' is not one of 'add', 'switch', 'retire'"),
        (("Acme",), {}, "lower-case letters"),
    ],
)
def test_what_cannot_be_changed_is_said(
    machine: Machine, arguments: tuple[str, ...], settings: dict[str, str], says: str
) -> None:
    code, said = machine(*ROTATE, *arguments, **settings)
    assert code == 2, said
    assert says in said


@pytest.mark.parametrize(
    ("use", "line", "says"),
    [
        ("tenant", f"TENANT_HEADER_KEYS=k1:2026-11-28:{'s' * 40}", "has TENANT_HEADER_KEYS, so the keys"),
        ("token", "JWT_JWKS_URL=https://id.example/keys", "from your identity provider"),
        ("tenant", "TENANT_HEADER_SECRET='with,comma with,comma with,comma'", "has TENANT_HEADER_SECRET"),
    ],
)
def test_keys_that_the_operator_keeps_are_his_to_change(
    machine: Machine, use: str, line: str, says: str
) -> None:
    Path(machine.environment["TOOLBRIDGE_ENV_FILE"]).write_text(f"{line}\n")
    code, said = machine(*ROTATE, "--use", use)
    assert code == 2, said
    assert says in said


def test_in_front_of_another_api_the_key_comes_from_there(machine: Machine, api: Process) -> None:
    file = Path(machine.environment["TOOLBRIDGE_ENV_FILE"])
    file.write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    elsewhere = {"TOOLBRIDGE_GO_API_BASE_URL": api.url}
    try:
        code, said = machine("up", "--detach", **elsewhere)
        assert code == 0, said
        code, said = machine(*ROTATE, **elsewhere)
        assert code == 2
        assert "add a key there first" in said
        new = Key("k-new", today(), b"n" * 40)
        (machine.data.parent / "new").write_text(word(new))
        given = ("--key", str(machine.data.parent / "new"))
        code, said = machine(*ROTATE, *given, "--step", "add", **elsewhere)
        assert code == 0, said
        assert f"The API at {api.url} was not changed" in said
        assert key_files.read(machine.data / "keys/tenant").keys[1] == new
    finally:
        machine("down", **elsewhere)


def test_a_stack_with_keys_from_elsewhere_is_left_alone(machine: Machine) -> None:
    """The settings have changed since it was started."""
    lists = {name.replace("SECRET", "KEYS"): f"k1:{today()}:{value}" for name, value in SECRETS.items()}
    try:
        code, said = machine("up", "--detach", **{**lists, "TENANT_ID": "acme"})
        assert code == 0, said
        assert not (machine.data / "keys").exists()
        machine("token")
        code, said = machine(*ROTATE)
        assert (code, "as they were started in another way" in said) == (1, True)
    finally:
        machine("down")
    assert not machine.processes()
