"""What a call costs: requests that the API saw, and processor time."""

import asyncio
from dataclasses import dataclass

from e2e.callers import Tools, connected, several, token
from e2e.report import expect
from e2e.stack import AccessLog, Stack, cpu_seconds, program_pid

SESSIONS = 10
WARM_UP = 50
CALLS = 300


async def one_request_for_a_call(stack: Stack) -> str:
    calls = 20
    async with connected(stack.gateway, token(stack, "counted")) as tools:
        note = await tools.call("create_note", title="t", content="c")
        log = await AccessLog.begin(stack)
        for _ in range(calls):
            await tools.call("get_note", uid=note["uid"])
        seen = [request["route"] for request in await log.requests()]
    expect(seen == ["/v1/notes/{uid}"] * calls, f"the API saw {len(seen)} requests for {calls} calls")
    return f"{calls} calls, {len(seen)} requests"


@dataclass(frozen=True)
class Times:
    gateway: float
    api: float


def times(stack: Stack) -> Times | None:
    gateway, api = (cpu_seconds(program_pid(stack, name)) for name in ("gateway", "api"))
    return None if gateway is None or api is None else Times(gateway, api)


async def processor_time(stack: Stack) -> str:
    """A sentence; nothing is judged here, since it depends on the machine."""
    before = times(stack)
    if before is None:
        return "processor time is not measured: this system has no /proc"
    async with several(stack.gateway, token(stack, "counted"), SESSIONS) as sessions:
        uid = (await sessions[0].call("create_note", title="t", content="c"))["uid"]
        await asyncio.gather(*(_read(tools, uid, WARM_UP) for tools in sessions))
        before = times(stack) or before
        await asyncio.gather(*(_read(tools, uid, CALLS) for tools in sessions))
        after = times(stack) or before
    calls = SESSIONS * CALLS
    gateway = (after.gateway - before.gateway) / calls * 1000
    api = (after.api - before.api) / calls * 1000
    return (
        f"processor time of one get_note at {SESSIONS} sessions, over {calls} calls: "
        f"gateway {gateway:.2f} ms, API {api:.2f} ms"
    )


async def _read(tools: Tools, uid: str, times: int) -> None:
    for _ in range(times):
        result = await tools.result("get_note", {"uid": uid})
        expect(not result.is_error, "a get_note failed")
