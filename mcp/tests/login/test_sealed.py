"""Client ids that hold a registration."""

import pytest

from toolbridge_mcp.login.sealed import MAX_LENGTH, PREFIX, Registration, TooLong, opened, secret_of

SEAL = bytes(range(32))
REGISTRATION = Registration(
    "Caf\u00e9", ("http://127.0.0.1/cb", "cursor://a/b"), "none", "read", 1_790_000_000
)


def test_an_id_holds_what_was_registered() -> None:
    assert opened(REGISTRATION.sealed(SEAL), SEAL) == REGISTRATION


def test_an_id_is_short_and_needs_no_escapes() -> None:
    client_id = REGISTRATION.sealed(SEAL)
    assert len(client_id) < 200
    assert client_id.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum()


def test_an_id_that_is_changed_anywhere_is_not_ours() -> None:
    client_id = REGISTRATION.sealed(SEAL)
    for place in range(len(client_id)):
        other = "A" if client_id[place] != "A" else "B"
        assert opened(client_id[:place] + other + client_id[place + 1 :], SEAL) is None


@pytest.mark.parametrize(
    "text", ["", PREFIX, f"{PREFIX}AAAA", f"{PREFIX}***", "tb2.x", PREFIX + "A" * MAX_LENGTH]
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert opened(text, SEAL) is None


def test_another_deployment_does_not_know_the_client() -> None:
    assert opened(REGISTRATION.sealed(SEAL), bytes(32)) is None


def test_a_secret_belongs_to_one_client_of_one_deployment() -> None:
    mine, other = REGISTRATION.sealed(SEAL), Registration("x", ("app:/x",), "none", None, 0).sealed(SEAL)
    secrets = {secret_of(mine, SEAL), secret_of(other, SEAL), secret_of(mine, bytes(32))}
    assert len(secrets) == 3
    assert all(len(secret) == 43 for secret in secrets)
    assert not any(secret in mine for secret in secrets)


def test_a_registration_that_is_too_long_is_refused() -> None:
    with pytest.raises(TooLong):
        Registration(
            "x", tuple(f"https://a.example/{n}{'x' * 400}" for n in range(4)), "none", None, 0
        ).sealed(SEAL)
