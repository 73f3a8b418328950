"""Which version of the signature is used, and what is said about the API that verifies it."""

from typing import NamedTuple

import pytest

from tests.harness.clients import settings_for
from toolbridge_mcp.keyring import Key, Keyring
from toolbridge_mcp.transport import Request, Signer
from toolbridge_mcp.transport.signer import V1, Choice

ONE, OTHER = "1" * 32, "2" * 32
NOW = 1_764_331_200.5


class Named(NamedTuple):
    versions: tuple[str, ...] = ("v2",)
    process: str = ONE
    keys: tuple[str, ...] = ()


def ring(*ids: str) -> Keyring:
    return Keyring(tuple(Key(each, None, b"secret of %s" % each.encode()) for each in ids or ("k1",)))


def signer(choice: Choice = "auto", *, takes_v2: bool = False, keyring: Keyring | None = None) -> Signer:
    return Signer(keyring or ring(), "acme", choice=choice, takes_v2=takes_v2, now=lambda: NOW)


def made(one: Signer) -> str:
    """The version of the next signature, v1+ if it says that the gateway knows v2."""
    headers = one.headers(Request("GET", "/v1/notes", {}))
    version = "v2" if "Signature-Input" in headers else "v1"
    assert one.version == version
    return f"{version}+" if headers.get("X-TB-Timestamp") == f"0{NOW * 1000:.0f}" else version


def process_of(one: Signer) -> str:
    headers = one.headers(Request("GET", "/v1/notes", {}))
    return headers["Signature-Input"].partition('nonce="')[2].partition(".")[0]


OLDER = None
ONLY_V1, BOTH, ONLY_V2 = Named(("v1",)), Named(("v1", "v2")), Named(("v2",))


@pytest.mark.parametrize(
    ("choice", "takes_v2", "described", "version"),
    [
        ("auto", False, [], "v2"),
        ("auto", False, [OLDER], "v1+"),
        ("auto", False, [ONLY_V2], "v2"),
        ("auto", False, [BOTH], "v2"),
        ("auto", False, [ONLY_V1], "v2"),
        ("auto", False, [Named(())], "v2"),
        ("auto", False, [OLDER, ONLY_V2], "v2"),
        ("auto", False, [ONLY_V2, OLDER], "v2"),
        ("auto", False, [BOTH, ONLY_V1, OLDER], "v2"),
        ("auto", True, [OLDER], "v2"),
        ("auto", True, [ONLY_V1, OLDER], "v2"),
        ("v1", False, [], "v1"),
        ("v1", False, [ONLY_V2], "v1"),
        ("v1", True, [ONLY_V2], "v1"),
        ("v2", False, [OLDER], "v2"),
        ("v2", False, [ONLY_V1], "v2"),
    ],
)
def test_the_version(choice: Choice, takes_v2: bool, described: list[Named | None], version: str) -> None:
    one = signer(choice, takes_v2=takes_v2)
    for description in described:
        one.described(description)
    assert made(one) == version


@pytest.mark.parametrize("choice", ["auto", "v1"])
def test_v1_has_no_process(choice: Choice) -> None:
    one = signer(choice)
    one.described(OLDER)
    assert not one.learn(ONE, "")
    assert made(one).startswith("v1")


def test_a_process_is_taken_over_once() -> None:
    one = signer("v2")
    assert process_of(one) == ""
    assert one.learn(ONE, "")
    assert process_of(one) == ONE
    assert not one.learn(ONE, ONE)
    assert one.learn(OTHER, ONE)
    assert one.learn(OTHER, ONE), "another request was signed for the process before"
    assert process_of(one) == OTHER


@pytest.mark.parametrize("process", ["", "short", "x" * 65, 'a"b' * 6, "a\r\nb" * 4, "é" * 16, "a b " * 8])
def test_what_is_no_process_is_ignored(process: str) -> None:
    one = signer("v2")
    one.described(Named(process=ONE))
    assert not one.learn(process, ONE)
    one.described(Named(process=process))
    assert process_of(one) == ONE


def test_the_first_key_signs_also_after_a_change() -> None:
    keyring = ring("k1", "k2")
    one = signer("v2", keyring=keyring)
    assert 'keyid="k1"' in one.headers(Request("GET", "/", {}))["Signature-Input"]
    keyring.keys = keyring.keys[::-1]
    assert 'keyid="k2"' in one.headers(Request("GET", "/", {}))["Signature-Input"]


@pytest.mark.parametrize(
    ("choice", "described", "beginning"),
    [
        ("auto", [], ""),
        ("auto", [OLDER], ""),
        ("auto", [ONLY_V2], ""),
        ("auto", [ONLY_V1], "The API takes signatures of v1, and this gateway makes v2: if the API's TENANT"),
        ("auto", [ONLY_V2, OLDER], "The API took signatures of v2 before and does not name them now: if an"),
        (
            "v2",
            [OLDER],
            "The API names no signatures of v2, which this gateway makes: if it is an older",
        ),
        (
            "v2",
            [ONLY_V1],
            "The API takes signatures of v1, and this gateway makes v2: if the API's TEN",
        ),
        ("v1", [OLDER], ""),
        ("v1", [BOTH], ""),
        (
            "v1",
            [ONLY_V2],
            "The API takes signatures of v2, and this gateway makes v1: set TOOLBRIDGE_",
        ),
        ("v2", [Named(keys=("k1", "k0"))], ""),
        ("v2", [Named(keys=("k2", "k3"))], "The API does not have the key k1, with which this gateway signs"),
    ],
)
def test_what_is_said_of_the_api(choice: Choice, described: list[Named | None], beginning: str) -> None:
    one = signer(choice)
    for description in described:
        one.described(description)
    said = one.problems()
    assert len(said) == (1 if beginning else 0)
    assert "".join(said).startswith(beginning)


@pytest.mark.parametrize(("choice", "takes_v2", "remedy"), [("v2", False, "auto"), ("auto", True, "v1")])
def test_an_older_api_that_is_not_signed_for_is_told_with_a_setting_that_would(
    choice: Choice, takes_v2: bool, remedy: str
) -> None:
    one = signer(choice, takes_v2=takes_v2)
    one.described(OLDER)
    (problem,) = one.problems()
    assert f"if it is an older one, set TOOLBRIDGE_SIGNATURE to {remedy};" in problem


@pytest.mark.parametrize("versions", [(), ("v3",), ("v1 and v2", "v1\n")])
@pytest.mark.parametrize("choice", ["auto", "v2"])
def test_nobody_is_told_to_sign_v1_unless_the_api_names_it(choice: Choice, versions: tuple[str, ...]) -> None:
    one = signer(choice)
    one.described(Named(versions))
    (problem,) = one.problems()
    assert "TOOLBRIDGE_SIGNATURE" not in problem
    one.described(Named((*versions, V1)))
    (problem,) = one.problems()
    assert problem.endswith(
        "if the API's TENANT_SIGNATURES is v1, set TOOLBRIDGE_SIGNATURE to v1; if not, something between "
        "them changes its answers."
    )


@pytest.mark.parametrize(
    "told", [("v1\nset v1",) * 100_000, ("x" * 1_000_000,), ("<script>", "\x1b[31m"), ("é",)]
)
def test_what_an_api_calls_its_versions_and_keys_is_shown_only_if_it_can_be_one(
    told: tuple[str, ...],
) -> None:
    one = signer("v2")
    one.described(Named(versions=told))
    (problem,) = one.problems()
    assert problem == (
        "The API takes signatures of no version, and this gateway makes v2: one of them is too old, or "
        "something between them changes the API's answers."
    )
    one.described(Named(keys=told))
    (problem,) = one.problems()
    assert problem == (
        "The API does not have the key k1, with which this gateway signs; it has others. Give both the same "
        "keys."
    )
    one.described(Named(keys=tuple(f"k{number}" for number in range(2, 1000))))
    (problem,) = one.problems()
    assert "it has k2, k3, k4, k5, k6, k7, k8, k9. Give" in problem


def test_keys_that_have_changed_since_the_description_are_not_compared() -> None:
    keyring = ring("k1")
    one = signer("v2", keyring=keyring)
    one.described(Named(keys=("k1",)))
    keyring.keys, keyring.generation = ring("k2").keys, 1
    assert one.problems() == []
    one.described(Named(keys=("k1",)))
    assert one.problems() != []


def test_another_signer_knows_the_same_of_the_api() -> None:
    one = signer()
    one.described(Named(process=OTHER))
    other = one.another(secret=b"another secret", tenant_id="zeta")
    assert process_of(other) == OTHER
    headers = other.headers(Request("GET", "/", {}))
    assert headers["X-TB-Tenant-ID"] == "zeta"
    assert 'keyid="k1"' in headers["Signature-Input"]


@pytest.mark.parametrize(
    ("given", "started", "own"),
    [(True, "true", True), (True, "false", False), (True, None, False), (False, None, True)],
)
def test_the_api_of_the_stack_takes_v2(
    given: bool, started: str | None, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if started:
        monkeypatch.setenv("TOOLBRIDGE_START_API", started)
    settings = settings_for("http://127.0.0.1:8081")
    if not given:
        settings.model_fields_set.discard("go_api_base_url")
    one = Signer.of(settings)
    one.described(OLDER)
    assert one.version == ("v2" if own else "v1")
