"""`toolbridge client`: services get a secret once, and end when an operator says so."""

import json
import re

import pytest

from tests.cli.sign_in.operator import ADDRESS, HERE, Operator
from toolbridge_mcp.login.answers import Tokens
from toolbridge_mcp.login.failures import LoginError

pytestmark = pytest.mark.anyio


async def token(operator: Operator, service: str, secret: str) -> Tokens:
    async with operator.api() as api:
        return await api.service_token(
            service, secret=secret, scopes=[], issuer=ADDRESS, audience=ADDRESS, lifetime=900, address=HERE
        )


@pytest.mark.parametrize(("options", "scopes"), [([], ["read"]), (["--write"], ["read", "write"])])
async def test_standard_output_is_the_secret_alone(
    options: list[str], scopes: list[str], operator: Operator
) -> None:
    name = f"nightly-{len(scopes)}"
    said = operator("client", "add", name, *options)
    assert re.fullmatch(r"tbk_[\w-]{43}\n", said.stdout)
    secret = said.stdout.strip()
    assert secret not in said.stderr
    assert f"service:{name}\n" in said.stderr
    assert f"{ADDRESS}/token" in said.stderr
    given = await token(operator, f"service:{name}", secret)
    assert (given.subject, given.scopes) == (f"service:{name}", scopes)
    listed = operator("client", "list", "--json").stdout
    assert secret not in listed
    (found,) = [one for one in json.loads(listed) if one["name"] == name]
    assert (found["id"], found["scopes"], found["state"]) == (f"service:{name}", scopes, "active")
    assert f"{' '.join(scopes)}  " in operator("client", "list").stdout


async def test_a_revoked_service_gets_no_token(operator: Operator) -> None:
    secret = operator("client", "add", "old").stdout.strip()
    said = operator.tries("client", "add", "old")
    assert said.returncode == 1
    assert "There is a service old already" in said.stderr
    await token(operator, "service:old", secret)
    assert "within 3 s" in operator("client", "revoke", "service:old").stderr
    with pytest.raises(LoginError):
        await token(operator, "service:old", secret)
    said = operator.tries("client", "revoke", "old")
    assert (said.returncode, said.stdout) == (1, "")
    assert "There is no service old" in said.stderr


def test_a_name_that_cannot_be_a_client_id(operator: Operator) -> None:
    said = operator.tries("client", "add", "my bot")
    assert (said.returncode, said.stdout) == (1, "")
    assert "letters, digits" in said.stderr
