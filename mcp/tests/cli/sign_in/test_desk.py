"""What the commands of the sign-in say where they cannot work."""

import time
from pathlib import Path

import pytest

from tests.cli.sign_in.operator import Operator
from tests.harness.processes import Process, free_port

OTHER_SECRET = "another-secret-of-at-least-thirty-two-bytes"


@pytest.mark.parametrize(
    "command", [("user", "list"), ("user", "add", "ann"), ("client", "list"), ("sign-in", "rotate-key")]
)
def test_nothing_answers(command: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    begun = time.monotonic()
    said = Operator(nowhere, tmp_path).tries(*command)
    assert time.monotonic() - begun < 15, "the start of the command is most of it"
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == (
        f"Error: Nothing answers at {nowhere}: start the deployment, or correct TOOLBRIDGE_GO_API_BASE_URL.\n"
    )


def test_the_sign_in_is_off(operator: Operator) -> None:
    said = operator.tries("user", "list", TOOLBRIDGE_LOGIN="provider")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("Error: TOOLBRIDGE_LOGIN is provider here, so this deployment has no users")


def test_the_sign_in_is_off_in_the_api(api: Process, tmp_path: Path) -> None:
    said = Operator(api, tmp_path).tries("user", "add", "ann")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(
        f"Error: The API at {api.url} has no sign-in: start it with TOOLBRIDGE_LOGIN"
    )


@pytest.mark.parametrize(
    "settings",
    [{"TENANT_HEADER_SECRET": OTHER_SECRET}, {"TENANT_ID": "another"}],
    ids=["secret", "tenant"],
)
def test_the_api_has_other_keys(settings: dict[str, str], operator: Operator) -> None:
    said = operator.tries("user", "list", **settings)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(
        f"Error: The API at {operator.url} refuses the signature of this command: run it with the TENANT_ID "
        "and the TENANT_HEADER_SECRET of the API"
    )


def test_a_setting_is_wrong(operator: Operator) -> None:
    said = operator.tries("user", "list", TOOLBRIDGE_PUBLIC_URL="tenant.example")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("Error: TOOLBRIDGE_PUBLIC_URL: ")


def test_something_else_answers(tmp_path: Path, gateway: Process) -> None:
    said = Operator(gateway, tmp_path).tries("user", "list")
    assert said.returncode == 1
    assert said.stderr.startswith(f"Error: The API at {gateway.url} ")


def test_the_environment_of_a_person_does_no_harm(operator: Operator) -> None:
    said = operator.tries("user", "list", HTTP_PROXY="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
    assert said.returncode == 0
