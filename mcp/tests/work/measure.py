"""Lets a model do the jobs, checks what came of them, and counts what they cost."""

from dataclasses import dataclass

from tests.harness.clients import Rest, token
from tests.harness.tokens import count
from tests.work.doing import DOING, DOING_WITH_ALL
from tests.work.journeys import Journey
from tests.work.model import ALL, WORK, compact, connected
from tests.work.person import Person

TOOLSETS = {"all": ALL, "work": WORK}
"""What a client may choose, by the name in `counts.json`."""

_DOING = {"all": DOING_WITH_ALL, "work": DOING}


@dataclass(frozen=True)
class Cost:
    """Of the calls of one job: the arguments, and what was shown of the answers."""

    calls: int
    tokens: int


async def travel(journey: Journey, api_url: str, gateway_url: str, toolset: str) -> Cost:
    """What it costs to do the job. Another user of the API does each."""
    bearer = token(f"{journey.name}-{toolset}@example.com")
    rest = Rest(api_url, bearer)
    try:
        person = Person(rest)
        moment = await journey.prepare(person)
        async with connected(gateway_url, bearer, TOOLSETS[toolset]) as model:
            said = await _DOING[toolset][journey.name](model, person.today, moment)
        stored = await person.stored()
        wanted = journey.expect(person, stored)
        person.compare(stored)
        assert said == wanted, f"said {said}, right is {wanted}\n{model}"
    finally:
        await rest.aclose()
    return Cost(model.calls, model.tokens)


async def told_at_first(gateway_url: str, toolset: str) -> dict[str, int]:
    """What every conversation begins with: the number of tools, and the tokens of their list as it is on the
    wire, and of what the server says of itself."""
    async with connected(gateway_url, token("reader"), TOOLSETS[toolset]) as model:
        client = model.tools.client
        listed = await client.list_tools_mcp()
        wire = listed.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {
            "tools": len(listed.tools),
            "tokens of their list": count(compact(wire)),
            "tokens of the instructions": count(client.instructions or ""),
        }
