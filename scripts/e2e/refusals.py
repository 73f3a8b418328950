"""What must be refused: arguments that leave their route, strangers, forged tokens and signatures."""

import re
from uuid import uuid4

import httpx

from e2e.callers import Rest, Tools, connected, signature, token
from e2e.report import expect
from e2e.stack import AccessLog, Json, Stack
from e2e.surface import raw_session
from e2e.workbench import KINDS, NEW_FIELDS, Workbench

ADDRESS = re.compile(r"https?://|127\.0\.0\.1|localhost|/v1/")


async def bad_uids_reach_no_api(stack: Stack) -> str:
    uid = str(uuid4())
    bad = ["../sync/state", f"{uid}?includeDeleted=true", f"{uid}#x", "..%2f", f"..%2f{uid}", "a" * 10_000]
    verbs = ("get", "patch", "delete")
    async with connected(stack.gateway, token(stack, "refused")) as tools:
        await tools.call("list_notes")
        log = await AccessLog.begin(stack)
        for value in bad:
            for verb in verbs:
                for kind in KINDS:
                    await _refused(tools, f"{verb}_{kind}", value)
        refused = await log.requests()
        await tools.call("list_notes")
        allowed = await log.requests()
    expect(not refused, f"the API saw {len(refused)} requests, such as {refused[:1]}")
    expect(len(allowed) == 1, "the access log does not show a request that arrived")
    return f"{len(bad) * len(verbs) * len(KINDS)} calls refused, 0 requests"


async def _refused(tools: Tools, name: str, uid: str) -> None:
    more = {"updates": {"title": "x"}} if name.startswith("patch") else {}
    said = await tools.refusal(name, uid=uid, **more)
    expect("uid" in said, f"{name} does not name the argument: {said}")
    expect(not ADDRESS.search(said) and len(said) < 500, f"{name} quotes an address or the value")


async def strangers_are_refused_by_the_api(stack: Stack) -> str:
    async with Rest(stack, token(stack, "ann")) as rest:
        signatures = {
            "another tenant": (signature(stack, tenant="another"), 401),
            "301 s ago": (signature(stack, age=301), 401),
            "301 s ahead": (signature(stack, age=-301), 401),
            "299 s ago": (signature(stack, age=299), 200),
            "now": (signature(stack), 200),
        }
        for name, (headers, wanted) in signatures.items():
            status = (await rest.send("GET", "notes", signed=headers)).status_code
            expect(status == wanted, f"a signature of {name} was answered with {status}")
    tokens = forged(stack)
    for name, bearer in tokens.items():
        async with Rest(stack, bearer) as rest:
            status = (await rest.send("GET", "notes")).status_code
            expect(status == httpx.codes.UNAUTHORIZED, f"a token with {name} was answered with {status}")
    refused = [name for name, (_, status) in signatures.items() if status == httpx.codes.UNAUTHORIZED]
    return f"signatures: {', '.join(refused)}; tokens: {', '.join(tokens)}"


def forged(stack: Stack) -> dict[str, str]:
    good = token(stack, "ann")
    return {
        "no exp": token(stack, "ann", exp=None),
        "exp in the past": token(stack, "ann", exp=1),
        "no sub": token(stack, "ann", sub=None),
        "alg none": token(stack, "ann", algorithm="none"),
        "HS512": token(stack, "ann", algorithm="HS512"),
        "another issuer": token(stack, "ann", iss="https://elsewhere.example/"),
        "another audience": token(stack, "ann", aud="elsewhere"),
        "another signature": good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
    }


async def strangers_are_refused_by_the_gateway(stack: Stack) -> str:
    log = await AccessLog.begin(stack)
    headers = {name: f"Bearer {bearer}" for name, bearer in forged(stack).items()}
    headers |= {"no token": "", "garbage": "Bearer garbage", "another scheme": "Basic YTpi"}
    async with httpx.AsyncClient(base_url=stack.gateway, trust_env=False, timeout=10) as http:
        for name, value in headers.items():
            for method, path in (("GET", "/sse"), ("POST", "/messages/?session_id=" + "0" * 32)):
                answer = await http.request(method, path, headers={"Authorization": value} if value else {})
                case = f"{method} with {name}"
                expect(answer.status_code == httpx.codes.UNAUTHORIZED, f"{case}: {answer.status_code}")
                challenge = answer.headers.get("WWW-Authenticate", "")
                expect(challenge.startswith("Bearer"), f"{case}: WWW-Authenticate is {challenge!r}")
    expect(not await log.requests(), "the API saw a request")
    return f"{', '.join(headers)}: 401 with WWW-Authenticate"


async def a_session_is_closed_to_others(stack: Stack) -> str:
    ping = {"id": 9, "method": "ping"}
    async with raw_session(stack, token(stack, "ann")) as session:
        refused = await session.post(ping, bearer=token(stack, "bob"))
        expect(refused.is_client_error, f"another user's message was answered with {refused.status_code}")
        unsigned = await session.post(ping, bearer=token(stack, "ann", exp=1))
        expect(unsigned.status_code == httpx.codes.UNAUTHORIZED, f"an expired token: {unsigned.status_code}")
        expect('"id":9' in (await session.ask(ping)), "the owner got no answer")
    return f"another user: {refused.status_code}, expired token: {unsigned.status_code}, owner: answered"


async def users_see_nothing_of_each_other(stack: Stack) -> str:
    ann, bob = token(stack, "ann-alone"), token(stack, "bob-alone")
    async with connected(stack.gateway, ann) as hers:
        bench = Workbench(hers, [])
        for kind in KINDS:
            await bench.create(kind, **NEW_FIELDS[kind], **_parent_for(kind, bench))
    async with connected(stack.gateway, bob) as his:
        for item in bench.items:
            await _is_foreign(his, item.kind, item.uid)
        note = bench.of("note")[0].uid
        said = await his.refusal("create_comment", content="x", parent_type="note", parent_uid=note)
        expect("does not exist" in said, f"a comment on a foreign note: {said}")
    async with Rest(stack, bob) as rest:
        for item in bench.items:
            answer = await rest.send("GET", f"{item.kind}s/{item.uid}?includeDeleted=true")
            expect(answer.status_code == httpx.codes.NOT_FOUND, f"REST answered {answer.status_code}")
            expect(not await rest.all_uids(item.kind), f"REST lists foreign {item.kind}s")
    async with Rest(stack, ann) as rest:
        for item in bench.items:
            item.compare(await rest.get(item.kind, item.uid))
    return f"{len(bench.items)} items of one, 0 seen and 0 changed by the other"


def _parent_for(kind: str, bench: Workbench) -> Json:
    if kind == "comment":
        return {"parent_type": "note", "parent_uid": bench.of("note")[0].uid}
    return {"chat_uid": bench.of("chat")[0].uid} if kind == "chat_message" else {}


async def _is_foreign(tools: Tools, kind: str, uid: str) -> None:
    calls: dict[str, Json] = {
        f"get_{kind}": {"include_deleted": True},
        f"patch_{kind}": {"updates": {"x": 1}},
        f"update_{kind}": NEW_FIELDS[kind],
        f"archive_{kind}": {},
        f"delete_{kind}": {},
    }
    for name, arguments in calls.items():
        said = await tools.refusal(name, uid=uid, **arguments)
        expect("has no" in said, f"{name} of a foreign uid: {said}")
    listed = await tools.call(f"list_{kind}s", include_deleted=True)
    expect(listed["items"] == [], f"list_{kind}s shows foreign items")
