"""Requests that must be refused: arguments that leave their route, strangers, forged proofs."""

import re
from uuid import uuid4

import httpx
import pytest

from tests.harness.by_hand import Whole, signed_tenant
from tests.harness.clients import Rest, Tools, over_sse
from tests.harness.deployment import Deployment, OwnStack
from tests.harness.processes import TENANT_HEADER_SECRET, TENANT_ID
from tests.harness.published import KINDS, Json
from tests.journeys.raw_session import raw_session
from tests.journeys.workbench import Workbench

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

ADDRESS = re.compile(r"https?://|127\.0\.0\.1|localhost|/v1/")
UID = str(uuid4())
BAD_UIDS = ["../sync/state", f"{UID}?includeDeleted=true", f"{UID}#x", "..%2f", f"..%2f{UID}", "a" * 10_000]


async def test_a_bad_uid_is_refused(deployment: Deployment) -> None:
    async with over_sse(deployment.url, deployment.token_of("refused")) as tools:
        await bad_uids_are_refused(tools)


async def test_a_bad_uid_causes_no_request_to_the_api(stack: OwnStack) -> None:
    async with over_sse(stack.url, stack.token_of("refused")) as tools:
        await tools.call("list_notes")
        log = await stack.access_log()
        await bad_uids_are_refused(tools)
        assert await log.routes() == []
        await tools.call("list_notes")
        assert len(await log.routes()) == 1


async def bad_uids_are_refused(tools: Tools) -> None:
    for uid in BAD_UIDS:
        for verb in ("get", "patch", "delete"):
            for kind in KINDS:
                more = {"updates": {"title": "x"}} if verb == "patch" else {}
                text = await tools.refusal(f"{verb}_{kind}", uid=uid, **more)
                assert "uid" in text
                assert not ADDRESS.search(text)
                assert len(text) < 500


SIGNATURES = {
    "another tenant": ("another", 0, 401),
    "62 s ago": (TENANT_ID, 62, 401),
    "62 s ahead": (TENANT_ID, -62, 401),
    "55 s ago": (TENANT_ID, 55, 200),
    "now": (TENANT_ID, 0, 200),
}


@pytest.mark.parametrize(("tenant", "age", "status"), SIGNATURES.values(), ids=SIGNATURES)
async def test_the_api_checks_the_signature(stack: OwnStack, tenant: str, age: float, status: int) -> None:
    own = {"X-Sync-Session": "new", "Authorization": f"Bearer {stack.token_of('ann')}"}
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as http:
        takes = (await http.get("/v1/sync/info")).json()["signatures"]
        signer = Whole(TENANT_HEADER_SECRET, tenant, takes["process"], age_seconds=age)
        proof = signer.headers("GET", "/v1/notes", own, b"")
        assert (await http.get("/v1/notes", headers={**own, **proof})).status_code == status


async def test_the_api_of_a_stack_does_not_accept_signatures_of_the_first_version(stack: OwnStack) -> None:
    async with stack.rest("ann") as rest:
        answer = await rest("GET", "/v1/notes", headers=signed_tenant(TENANT_HEADER_SECRET, TENANT_ID))
        assert answer.status_code == 401
        assert answer.json()["details"] == {"reason": "version", "versions": ["v2"]}


def forged(stack: OwnStack) -> dict[str, str]:
    good = stack.token_of("ann")
    return {
        "no exp": stack.token_of("ann", exp=None),
        "exp in the past": stack.token_of("ann", exp=1),
        "no sub": stack.token_of(None),
        "alg none": stack.token_of("ann", alg="none"),
        "HS512": stack.token_of("ann", alg="HS512"),
        "another issuer": stack.token_of("ann", iss="https://elsewhere.example/"),
        "another audience": stack.token_of("ann", aud="elsewhere"),
        "another signature": good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
    }


async def test_the_api_refuses_forged_tokens(stack: OwnStack) -> None:
    for name, bearer in forged(stack).items():
        rest = Rest(stack.api_url, bearer)
        answer = await rest("GET", "/v1/notes")
        assert answer.status_code == httpx.codes.UNAUTHORIZED, name
        await rest.aclose()


async def test_the_gateway_refuses_forged_tokens(stack: OwnStack) -> None:
    log = await stack.access_log()
    for name, bearer in forged(stack).items():
        await is_refused(stack.url, f"Bearer {bearer}", name)
    assert await log.routes() == []


@pytest.mark.parametrize("authorization", [None, "Bearer garbage", "Basic YTpi"])
async def test_the_gateway_refuses_strangers(deployment: Deployment, authorization: str | None) -> None:
    await is_refused(deployment.url, authorization, "a stranger")


async def is_refused(url: str, authorization: str | None, name: str) -> None:
    """401 with a challenge, on the stream and on the messages."""
    headers = {"Authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
        for method, path in (("GET", "/sse"), ("POST", f"/messages/?session_id={'0' * 32}")):
            answer = await http.request(method, path, headers=headers)
            assert answer.status_code == httpx.codes.UNAUTHORIZED, f"{name}: {method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), f"{name}: {method} {path}"


async def test_a_session_is_closed_to_other_users(stack: OwnStack) -> None:
    ping = {"id": 9, "method": "ping"}
    async with raw_session(stack.url, stack.token_of("ann")) as session:
        assert (await session.post(ping, bearer=stack.token_of("bob"))).is_client_error
        expired = await session.post(ping, bearer=stack.token_of("ann", exp=1))
        assert expired.status_code == httpx.codes.UNAUTHORIZED
        assert '"id":9' in await session.request(ping)


async def test_users_see_nothing_of_each_other(stack: OwnStack) -> None:
    async with over_sse(stack.url, stack.token_of("ann-alone")) as hers:
        bench = Workbench(hers, [])
        for kind in KINDS:
            await bench.sample(kind)
    async with over_sse(stack.url, stack.token_of("bob-alone")) as his:
        for item in bench.items:
            await cannot_use(his, item.kind.name, item.uid)
        note = bench.of("note")[0].uid
        text = await his.refusal("create_comment", content="x", parent_type="note", parent_uid=note)
        assert "does not exist" in text
    async with stack.rest("bob-alone") as rest:
        for item in bench.items:
            answer = await rest("GET", f"/v1/{item.kind.plural}/{item.uid}?includeDeleted=true")
            assert answer.status_code == httpx.codes.NOT_FOUND
            assert not await rest.all_uids(item.kind.plural)
    async with stack.reader("ann-alone") as reader:
        for item in bench.items:
            item.compare(await reader.item(item.kind, item.uid))


async def cannot_use(tools: Tools, kind: str, uid: str) -> None:
    """To this user there is no such item."""
    calls: dict[str, Json] = {
        f"get_{kind}": {"include_deleted": True},
        f"patch_{kind}": {"updates": {"x": 1}},
        f"update_{kind}": KINDS[kind].arguments(),
        f"archive_{kind}": {},
        f"delete_{kind}": {},
        **{f"process_{kind}": {"action": action} for action in KINDS[kind].actions},
    }
    for name, arguments in calls.items():
        assert "has no" in await tools.refusal(name, uid=uid, **arguments), name
    assert (await tools.call(f"list_{KINDS[kind].plural}", include_deleted=True))["items"] == []
