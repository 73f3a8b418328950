"""Parameters of OAuth's requests."""

import pytest

from toolbridge_mcp.login.parameters import (
    MAX_FIELDS,
    MAX_QUERY_BYTES,
    MalformedParameters,
    Parameters,
    challenge_problem,
    described,
)

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_parameter_without_a_value_is_left_out() -> None:
    given = Parameters.of_query("client_id=a&state=&scope")
    assert (given.values, given.repeated) == ({"client_id": "a"}, ())


def test_a_parameter_that_comes_twice_has_no_value() -> None:
    given = Parameters.of_query("client_id=a&state=1&client_id=a&client_id=b")
    assert given.get("client_id") is None
    assert given.repeated == ("client_id",)
    assert given.lack("client_id") == "client_id comes more than once."
    assert given.lack("scope") == "scope is missing."
    assert given.get("state") == "1"


@pytest.mark.parametrize(
    "query",
    [
        f"a={'x' * MAX_QUERY_BYTES}",
        "&".join(f"a{n}=1" for n in range(MAX_FIELDS + 1)),
        "a=%FF",
        b"a=\xff",
        "a=1%00",
    ],
)
def test_parameters_that_cannot_be_read_are_refused(query: str | bytes) -> None:
    with pytest.raises(MalformedParameters):
        Parameters.of_query(query)


@pytest.mark.parametrize(
    ("method", "challenge", "is_fine"),
    [
        ("S256", CHALLENGE, True),
        ("S256", CHALLENGE[:-1], False),
        ("S256", CHALLENGE + "A", False),
        ("S256", CHALLENGE[:-1] + "=", False),
        ("S256", CHALLENGE[:-1] + "\n", False),
        ("S256", None, False),
        ("plain", CHALLENGE, False),
        (None, CHALLENGE, False),
        ("s256", CHALLENGE, False),
    ],
)
def test_only_a_challenge_by_sha_256_will_do(
    method: str | None, challenge: str | None, is_fine: bool
) -> None:
    given = {"code_challenge_method": method, "code_challenge": challenge}
    problem = challenge_problem(Parameters({name: value for name, value in given.items() if value}))
    assert (problem is None) == is_fine


def test_a_description_has_the_characters_that_it_may_have() -> None:
    assert described('a "b"\nc\\d\u00e9\x00') == "a 'b'; c?d??"
    assert len(described("x" * 1_000)) == 300
