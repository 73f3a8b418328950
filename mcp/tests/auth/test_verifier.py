"""Who gets in: real gateway process, real sockets."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest

from tests.auth.streams import Stream, with_stream
from tests.harness.clients import Rest, over_sse, token
from tests.harness.processes import Process

pytestmark = pytest.mark.anyio
OTHER_SECRET = "another-secret-of-at-least-thirty-two-bytes"
NOW = int(time.time())


def unsigned(claims: dict[str, Any]) -> str:
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, claims)
    )
    return b".".join((*parts, b"")).decode()


def with_header(header: bytes) -> str:
    _, claims, signature = token("ann").split(".")
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{claims}.{signature}"


NESTED_ALGORITHM = b'{"alg":' + b"[" * 20_000
ALGORITHM_LIST = b'{"alg":["HS256"]}'
CRITICAL = b'{"alg":"HS256","crit":["b64"],"b64":false}'

BAD_AUTHORIZATIONS = {
    "absent": None,
    "empty": "",
    "another scheme": "Basic YTpi",
    "garbage": "Bearer not.a.token",
    "another secret": f"Bearer {token('ann', secret=OTHER_SECRET)}",
    "expired": f"Bearer {token('ann', exp=NOW - 1)}",
    "without exp": f"Bearer {token('ann', exp=None)}",
    "exp as text": f"Bearer {token('ann', exp=str(NOW + 3600))}",
    "not yet": f"Bearer {token('ann', nbf=NOW + 3600)}",
    "without sub": f"Bearer {token(None)}",
    "empty sub": f"Bearer {token('')}",
    "sub with NUL": f"Bearer {token('ann' + chr(0))}",
    "endless sub": f"Bearer {token('a' * 256)}",
    "HS512": f"Bearer {token('ann', alg='HS512')}",
    "endless exp": f"Bearer {token('ann', exp=float('inf'))}",
    "exp beyond any clock": f"Bearer {token('ann', exp=10**400)}",
    "nested header": f"Bearer {with_header(b'[' * 20_000)}",
    "nested algorithm": f"Bearer {with_header(NESTED_ALGORITHM)}",
    "algorithm list": f"Bearer {with_header(ALGORITHM_LIST)}",
    "critical extension": f"Bearer {with_header(CRITICAL)}",
    "alg none": f"Bearer {unsigned({'sub': 'ann', 'exp': NOW + 3600})}",
}


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/sse"), ("POST", f"/messages/?session_id={'0' * 32}")])
async def test_nobody_gets_in_without_a_valid_token(
    method: str, path: str, authorization: str | None, gateway: Process
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        answer = await http.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "ann" not in answer.text


async def test_the_api_and_the_gateway_accept_the_same_tokens(api: Process) -> None:
    """What the gateway refuses above, the API refuses too: neither is the weak side."""
    for name, authorization in BAD_AUTHORIZATIONS.items():
        if authorization is None or not authorization.startswith("Bearer "):
            continue
        rest = Rest(api.url, authorization.removeprefix("Bearer "))
        assert (await rest("GET", "/v1/notes")).status_code == 401, name
        await rest.aclose()


def list_notes(number: int) -> dict[str, Any]:
    return {"id": number, "method": "tools/call", "params": {"name": "list_notes", "arguments": {}}}


async def test_a_session_is_closed_to_every_other_user(gateway: Process, user: str) -> None:
    async def use(stream: Stream) -> None:
        assert await stream.post(list_notes(1), token("somebody-else")) == 404
        assert await stream.post(list_notes(2), token(user, exp=NOW - 5)) == 401
        assert await stream.post(list_notes(3), token(user)) == 202
        assert (await stream.answer())["id"] == 3

    await with_stream(gateway, token(user), use)


@pytest.mark.parametrize("spelled", [str.upper, lambda name: str(UUID(name)), lambda name: f"{{{name}}}"])
async def test_a_session_has_one_name(spelled: Callable[[str], str], gateway: Process, user: str) -> None:
    """Under another one its messages would not count as use, nor be bounded."""

    async def use(stream: Stream) -> None:
        address, _, name = stream.messages.rpartition("=")
        stream.messages = f"{address}={spelled(name)}"
        assert await stream.post(list_notes(1), token(user)) == 404

    await with_stream(gateway, token(user), use)


async def test_a_session_is_closed_to_the_users_other_clients(gateway: Process, user: str) -> None:
    async def use(stream: Stream) -> None:
        assert await stream.post(list_notes(1), token(user, client_id="another")) == 404
        assert await stream.post(list_notes(2), token(user, azp="another")) == 404
        assert await stream.post(list_notes(3), token(user, scope="read write")) == 202
        assert (await stream.answer())["id"] == 3

    await with_stream(gateway, token(user), use)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"jsonrpc":"2.0"}', b"\xff", b"[" * 5_000])
async def test_a_malformed_message_leaves_the_session_alive(body: bytes, gateway: Process, user: str) -> None:
    async def use(stream: Stream) -> None:
        headers = {"Authorization": f"Bearer {token(user)}"}
        assert (await stream.http.post(stream.messages, content=body, headers=headers)).status_code == 400
        assert await stream.post(list_notes(4), token(user)) == 202
        assert (await stream.answer())["id"] == 4

    await with_stream(gateway, token(user), use)


async def test_the_identity_is_that_of_each_message(gateway: Process, user: str) -> None:
    """A stream outlives its token: calls go on with a renewed one and stop with the expired one."""
    short = token(user, exp=int(time.time()) + 2)

    async def use(stream: Stream) -> None:
        assert await stream.post(list_notes(1), short) == 202
        assert (await stream.answer())["id"] == 1
        with anyio.fail_after(5):
            while await stream.post({"method": "notifications/progress"}, short) != 401:
                await anyio.sleep(0.1)
        assert await stream.post(list_notes(2), token(user)) == 202
        answer = await stream.answer()
        assert answer["id"] == 2
        assert not answer["result"].get("isError")

    await with_stream(gateway, short, use)


async def test_two_users_on_one_gateway_never_see_each_other(gateway: Process) -> None:
    async def write_and_list(name: str) -> None:
        async with over_sse(gateway.url, token(name)) as tools:
            for number in range(10):
                await tools.call("create_note", title=name, content=str(number))
            titles = [item["payload"]["title"] for item in (await tools.call("list_notes"))["items"]]
            assert titles == [name] * 10

    async with anyio.create_task_group() as group:
        for name in ("two-users-a", "two-users-b"):
            group.start_soon(write_and_list, name)
