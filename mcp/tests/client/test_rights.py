"""What becomes of a call that the gateway allows and the API does not: their settings differ."""

from pathlib import Path

import httpx
import pytest

from tests.client.test_failures import PATCH, refusal_of, refused
from tests.harness.clients import in_memory, over_http, settings_for, token
from tests.harness.processes import api_process, gateway_process, running
from toolbridge_mcp.app import create_server

pytestmark = pytest.mark.anyio
NOTE = {"title": "t", "content": "c"}
WRITES = 3
DIFFER = "refuses what the gateway allows"
SCOPE = "https://tools.example/items.write"
NO_SCOPE = f"The API does not allow this: the user's token has no scope {SCOPE}. Nothing was done."
SIGN_IN = "Ask the user to sign in again and to allow it. If that does not help, do not repeat it: only the"


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    lines = [line for line in caplog.records if DIFFER in line.getMessage()]
    return [(vars(line)["reason"], vars(line).get("scope", "")) for line in lines]


@pytest.mark.parametrize(
    ("theirs", "says", "advises", "logged"),
    [
        (
            {"SCOPE_WRITE": SCOPE},
            NO_SCOPE,
            SIGN_IN,
            ("insufficient_scope", SCOPE),
        ),
        (
            {"READ_ONLY": "true"},
            "This deployment is read-only: nobody can write. Nothing was changed.",
            "Do not repeat it, and do not ask the user to sign in again.",
            ("read_only", ""),
        ),
    ],
    ids=["scope", "read only"],
)
async def test_a_model_reads_what_is_missing_and_the_operator_that_settings_differ(
    theirs: dict[str, str],
    says: str,
    advises: str,
    logged: tuple[str, str],
    api_binary: Path,
    tmp_path: Path,
    user: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(api_process(api_binary, tmp_path, **theirs)) as own:
        bearer = token(user, scope="read write")
        async with in_memory(create_server(settings_for(own.url)), bearer) as tools:
            for _ in range(WRITES):
                text = await tools.refusal("create_note", **NOTE)
                assert text.startswith(says)
                assert advises in text
                assert "Correlation id: " in text
            assert (await tools.call("list_notes"))["items"] == []
        assert own.log.read_text().count('"status":403') == WRITES, "a refusal is not repeated"
    assert told(caplog) == [logged], "the operator reads of it once a minute"


async def test_what_the_gateway_refuses_itself_is_the_users_matter(
    api_binary: Path, tmp_path: Path, user: str
) -> None:
    names = {"SCOPE_READ": "items.read", "SCOPE_WRITE": "items.write"}
    with (
        running(api_process(api_binary, tmp_path, **names)) as own,
        running(gateway_process(own.url, tmp_path, **names)) as gateway,
    ):
        async with over_http(gateway.url, token(user, scope="items.read")) as tools:
            text = await tools.refusal("create_note", **NOTE)
            assert (await tools.call("list_notes"))["items"] == []
        assert '"status":403' not in own.log.read_text()
        assert DIFFER not in gateway.log.read_text()
    assert "no scope items.write" in text


@pytest.mark.parametrize("scope", [None, "", "two words", 'a"quote', "x" * 101, 7, ["write"]])
async def test_a_scope_that_is_none_is_not_named(scope: object) -> None:
    body = {"error": "", "code": "insufficient_scope", "details": {"scope": scope}}
    text, _ = await refusal_of(PATCH, httpx.Response(403, json=body))
    assert text.startswith("The API does not allow this: the user's token has no scope for it. Nothing was")


@pytest.mark.parametrize("code", ["", "session_forbidden", "forbidden_by_another_api"])
async def test_another_403_means_what_it_meant(code: str, caplog: pytest.LogCaptureFixture) -> None:
    text, _ = await refusal_of(PATCH, refused(403, code))
    assert text.startswith("The user may not do this.")
    assert told(caplog) == []
