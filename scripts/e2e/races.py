"""Many writers on one item: nothing is lost, and a condition has one winner."""

import asyncio
from collections.abc import Awaitable, Callable

from e2e.callers import Rest, several, text_of, token
from e2e.report import expect
from e2e.stack import Json, Stack

SESSIONS = 5
PATCHES = 40
CONDITIONAL = 20


async def patches_through_tools(stack: Stack) -> str:
    bearer = token(stack, "racer")
    async with several(stack.gateway, bearer, SESSIONS) as sessions, Rest(stack, bearer) as rest:

        async def patch(uid: str, number: int) -> None:
            await sessions[number % SESSIONS].call("patch_note", uid=uid, updates={f"key{number}": number})

        return await _all_keys_stay(rest, patch)


async def patches_through_rest(stack: Stack) -> str:
    async with Rest(stack, token(stack, "racer")) as rest:

        async def patch(uid: str, number: int) -> None:
            await rest.json("PATCH", f"notes/{uid}", {f"key{number}": number})

        return await _all_keys_stay(rest, patch)


async def _all_keys_stay(rest: Rest, patch: Callable[[str, int], Awaitable[None]]) -> str:
    uid = (await rest.json("POST", "notes", {}))["uid"]
    await asyncio.gather(*(patch(uid, number) for number in range(PATCHES)))
    stored = await rest.get("note", uid)
    kept = sum(stored["payload"].get(f"key{number}") == number for number in range(PATCHES))
    expect(kept == PATCHES, f"{kept} of {PATCHES} keys are left")
    expect(stored["version"] == PATCHES + 1, f"the final version is {stored['version']}")
    return f"{kept} of {PATCHES} keys, version {stored['version']}"


async def conditions_through_tools(stack: Stack) -> str:
    bearer = token(stack, "racer")
    async with several(stack.gateway, bearer, SESSIONS) as sessions, Rest(stack, bearer) as rest:

        async def write(uid: str, number: int) -> bool:
            arguments: Json = {"uid": uid, "title": f"writer {number}", "content": "", "if_match": 1}
            result = await sessions[number % SESSIONS].result("update_note", arguments)
            said = text_of(result)
            expect(not result.is_error or "has changed since" in said, f"refused with: {said}")
            return not result.is_error

        return await _one_wins(rest, write)


async def conditions_through_rest(stack: Stack) -> str:
    async with Rest(stack, token(stack, "racer")) as rest:

        async def write(uid: str, number: int) -> bool:
            answer = await rest.send("PUT", f"notes/{uid}", {"title": f"writer {number}"}, if_match=1)
            expect(answer.status_code in {200, 412}, f"answered {answer.status_code}")
            return answer.is_success

        return await _one_wins(rest, write)


async def _one_wins(rest: Rest, write: Callable[[str, int], Awaitable[bool]]) -> str:
    uid = (await rest.json("POST", "notes", {}))["uid"]
    won = await asyncio.gather(*(write(uid, number) for number in range(CONDITIONAL)))
    stored = await rest.get("note", uid)
    expect(sum(won) == 1, f"{sum(won)} winners")
    expect(stored["version"] == 2, f"the final version is {stored['version']}")
    title = stored["payload"]["title"]
    expect(title == f"writer {won.index(True)}", "what is stored is not what the winner wrote")
    return f"1 winner, {len(won) - 1} conflicts"
