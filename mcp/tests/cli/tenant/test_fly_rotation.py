"""`toolbridge tenant rotate-secret NAME`, with a stand-in for flyctl."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.tenant.test_fleet import MASTER
from tests.cli.tenant.test_tenant import API_SECRETS, Operator
from toolbridge_mcp.cli.key_files import today, word
from toolbridge_mcp.keyring import Key, parse

WHERE = "--app toolbridge-acme"
ROTATE = ("rotate-secret", "acme")
OF_TOKENS = (*ROTATE, "--use", "token")


@pytest.fixture
def operator(tmp_path: Path, api_binary: Path) -> Operator:
    return Operator(tmp_path, api_binary)


def ids(text: str) -> list[str]:
    return [key.id for key in parse(text)]


def test_the_tenants_own_key_is_changed_by_one_restart(operator: Operator) -> None:
    operator("new", "acme", TENANT_HEADER_SECRET="h" * 40)
    before = operator.calls
    said = operator(*ROTATE)
    assert said == (
        "# add     done with switch\n"
        f"# switch  both programs restart with the new key k{today()}\n"
        "# retire  done with switch\n"
    )
    assert operator.since(before) == [
        f"secrets import --stage {WHERE}",
        f"secrets list {WHERE} --json",
        f"secrets unset TENANT_HEADER_SECRET --stage {WHERE}",
        f"secrets deploy {WHERE}",
    ]
    (key,) = parse(operator.secrets["TENANT_HEADER_KEYS"])
    assert (key.id, key.made) == (f"k{today()}", today())
    assert "TENANT_HEADER_SECRET" not in operator.secrets
    operator(*ROTATE)
    assert parse(operator.secrets["TENANT_HEADER_KEYS"]) != (key,)
    assert "unset" not in "".join(operator.calls[-3:])


def test_the_key_of_tokens_is_changed_in_two_restarts(operator: Operator) -> None:
    operator("new", "acme")
    issuer = operator.tenants / "acme/jwt-secret"
    old = issuer.read_text().strip()
    said = operator(*OF_TOKENS)
    due = today() + timedelta(days=30)
    later = "`toolbridge tenant rotate-secret acme --use token --step retire`"
    assert f"retire  not before {due}, by {later}" in said
    new = issuer.read_text().strip()
    live = [key.secret.decode() for key in parse(operator.secrets["JWT_HS256_KEYS"])]
    assert live == [old, new]
    assert operator.calls[-1] == f"secrets deploy {WHERE}"
    before = operator.calls
    assert "not before" in operator(*OF_TOKENS, "--step", "retire")
    assert operator.since(before) == []
    operator(*OF_TOKENS, "--step", "retire", "--retire-now")
    assert [key.secret.decode() for key in parse(operator.secrets["JWT_HS256_KEYS"])] == [new]
    assert issuer.stat().st_mode & 0o777 == 0o600
    shown = said + "".join(operator.calls)
    assert old not in shown
    assert new not in shown


def test_a_change_that_flyctl_interrupted_goes_on(operator: Operator) -> None:
    operator("new", "acme")
    (operator.fly / "failing").write_text("secrets deploy")
    code, said = operator.tries(*OF_TOKENS)
    assert code == 1
    assert "flyctl secrets deploy failed" in said
    (operator.fly / "failing").unlink()
    added = operator.secrets["JWT_HS256_KEYS"]
    operator(*OF_TOKENS, "--step", "add")
    assert operator.secrets["JWT_HS256_KEYS"] == added
    operator(*OF_TOKENS)
    assert sorted(ids(operator.secrets["JWT_HS256_KEYS"])) == sorted(ids(added))


def test_steps_out_of_order_change_nothing(operator: Operator) -> None:
    operator("new", "acme")
    before = operator.calls
    code, said = operator.tries(*OF_TOKENS, "--step", "switch")
    assert (code, "begin with --step add" in said) == (1, True)
    assert operator.since(before) == []
    operator(*OF_TOKENS, "--step", "add")
    code, said = operator.tries(*OF_TOKENS, "--step", "retire", "--retire-now")
    assert (code, "do --step switch first" in said) == (1, True)


def test_the_present_key_of_tokens_must_be_known(operator: Operator) -> None:
    operator("new", "acme", JWT_HS256_SECRET="k" * 40)
    code, said = operator.tries(*OF_TOKENS)
    assert code == 2
    assert "set JWT_HS256_SECRET to it in the environment" in said
    operator(*OF_TOKENS, JWT_HS256_SECRET="k" * 40)
    assert parse(operator.secrets["JWT_HS256_KEYS"])[0].secret == b"k" * 40
    assert "JWT_HS256_SECRET" not in operator.secrets


def test_an_api_elsewhere_has_the_new_key_first(operator: Operator, tmp_path: Path) -> None:
    operator("new", "acme", "--api-url", "https://api.example", **API_SECRETS)
    code, said = operator.tries(*ROTATE)
    assert code == 2
    assert "add a key there first" in said
    new = word(Key("k2", today(), b"n" * 40))
    (tmp_path / "new").write_text(new)
    for given, typed in ((str(tmp_path / "new"), ""), ("-", new)):
        said = operator(*ROTATE, "--key", given, typed=typed)
        assert "retire  at the API: take the old key away there" in said
        assert operator.secrets["TENANT_HEADER_KEYS"] == new


def test_keys_are_derived_from_the_master_of_the_fleet(operator: Operator) -> None:
    fleet = {"TOOLBRIDGE_FLEET_SECRET": MASTER}
    operator("new", "acme", "--api-url", "https://api.example", "--tenant-id", "acme-gmbh", **fleet)
    (first,) = parse(operator.secrets["TENANT_HEADER_KEYS"])
    said = operator("key", "acme", "--id", first.id, "--list", **fleet)
    assert parse(said) == (first,)
    code, told = operator.tries(*ROTATE, **fleet)
    assert (code, "Give --id" in told) == (2, True)
    operator(*ROTATE, "--id", "k2", **fleet)
    (second,) = parse(operator.secrets["TENANT_HEADER_KEYS"])
    assert operator("key", "acme", "--id", "k2", **fleet).strip() == second.secret.decode()
    assert MASTER not in "".join(operator.calls) + "".join(operator.secrets.values())


@pytest.mark.parametrize("of", [ROTATE, OF_TOKENS])
def test_a_derived_key_that_is_changed_on_the_day_it_was_made_is_another_one(
    operator: Operator, of: tuple[str, ...]
) -> None:
    fleet = {"TOOLBRIDGE_FLEET_SECRET": MASTER}
    name = "JWT_HS256_KEYS" if of is OF_TOKENS else "TENANT_HEADER_KEYS"
    operator("new", "acme", **fleet)
    found = [*parse(operator.secrets[name])]
    for _ in range(3):
        time.sleep(1.1)  # ids are of a second
        said = operator(*of, "--retire-now", **fleet)
        (key,) = parse(operator.secrets[name])
        found.append(key)
        if of is ROTATE:
            assert f"with the new key {key.id}\n" in said
            assert operator("key", "acme", "--id", key.id, **fleet).strip() == key.secret.decode()
    assert len({key.secret for key in found}) == 4


def test_an_identity_providers_key_is_not_changed_here(operator: Operator) -> None:
    operator("new", "acme", "--jwks-url", "https://id/k", "--issuer", "https://id", "--audience", "a")
    code, said = operator.tries(*OF_TOKENS)
    assert code == 2
    assert "change its key there" in said


IMPORT = f"flyctl secrets import --stage {WHERE}  # on standard input: "
DEPLOY = f"flyctl secrets deploy {WHERE}\n"
PLANS = {
    "tenant": (
        "# add     done with switch\n"
        "# switch  both programs restart with the new key\n"
        f"{IMPORT}TENANT_HEADER_KEYS\n"
        f"flyctl secrets unset TENANT_HEADER_SECRET --stage {WHERE}\n"
        f"{DEPLOY}"
        "# retire  done with switch\n"
    ),
    "token": (
        "# add     the machine restarts and accepts the new key beside the present one\n"
        f"{IMPORT}JWT_HS256_KEYS\n"
        f"flyctl secrets unset JWT_HS256_SECRET --stage {WHERE}\n"
        f"{DEPLOY}"
        "# switch  TENANTS/acme/jwt-secret has the new secret: give it to what signs tokens\n"
        "# retire  when the tokens of the old key have expired, by `toolbridge tenant rotate-secret acme "
        "--use token --step retire`: the machine restarts\n"
        f"{IMPORT}JWT_HS256_KEYS\n"
        f"flyctl secrets unset JWT_HS256_SECRET --stage {WHERE}\n"
        f"{DEPLOY}"
    ),
}


@pytest.mark.parametrize("use", PLANS)
def test_a_dry_run_prints_the_steps_with_their_commands(operator: Operator, use: str) -> None:
    operator("new", "acme")
    before, files = operator.calls, {file: file.stat().st_mtime_ns for file in operator.tenants.rglob("*")}
    said = operator(*ROTATE, "--use", use, "--dry-run").replace(str(operator.tenants), "TENANTS")
    assert said == PLANS[use]
    assert operator.since(before) == []
    assert {file: file.stat().st_mtime_ns for file in operator.tenants.rglob("*")} == files
