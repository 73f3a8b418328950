"""Real clients use every resource, template, completion and prompt."""

import json
from collections.abc import Mapping

import pytest

from tests.harness.clients import over_http
from tests.harness.deployment import OwnStack
from tests.harness.published import Json
from tests.real_clients import inspector, typescript
from tests.real_clients.programs import Programs
from tests.real_clients.proof import CONTENT, Way
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.prompts.guides import GUIDES

pytestmark = [pytest.mark.anyio, pytest.mark.clients]
TITLE = "Attached by a client"
SUBJECTS = {guide.subject for guide in GUIDES if guide.subject}
WAYS = [("sse", "1", ""), ("http", "1", ""), ("sse", "2", ""), ("http", "2", ""), ("http", "2", "2026-07-28")]


@pytest.fixture
def bearer(stack: OwnStack, user: str) -> str:
    return stack.token_of(user)


@pytest.fixture
async def uids(stack: OwnStack, bearer: str) -> Mapping[str, str]:
    """An item of each kind, of which the title or else the text begins with `TITLE`."""
    stack.confide([CONTENT])
    async with over_http(stack.url, bearer) as tools:
        made = {}
        for entity in ENTITIES:
            named = {entity.title or entity.text: f"{TITLE}\n{CONTENT}" if entity.title is None else TITLE}
            made[entity.kind] = (await tools.create(entity, **named))["uid"]
    return made


@pytest.mark.parametrize(("transport", "sdk", "revision"), WAYS)
async def test_the_official_sdk_uses_all_of_them(
    stack: OwnStack,
    programs: Programs,
    uids: Mapping[str, str],
    bearer: str,
    transport: str,
    sdk: str,
    revision: str,
) -> None:
    way = Way(stack.url, transport, bearer, revision)
    subjects = json.dumps(dict.fromkeys(SUBJECTS, TITLE.lower()))
    said = await typescript.run(
        "attachments.mjs", sdk, programs, way, UIDS=json.dumps(uids), ARGUMENTS=subjects
    )
    assert said["capabilities"].keys() == {"tools", "resources", "prompts", "completions"}
    assert said["lists"].keys() == {f"toolbridge://{entity.plural}" for entity in ENTITIES}
    assert said["items"].keys() == said["completions"].keys() == uids.keys()
    for entity in ENTITIES:
        assert TITLE in said["lists"][f"toolbridge://{entity.plural}"]
        assert TITLE in said["items"][entity.kind]
        assert uids[entity.kind] in said["completions"][entity.kind]
    assert said["prompts"].keys() == {guide.name for guide in GUIDES}
    assert all(TITLE in said["prompts"][guide.name] for guide in GUIDES if guide.subject)


@pytest.mark.parametrize("transport", ["sse", "http"])
async def test_the_inspector_uses_all_of_them(
    stack: OwnStack, programs: Programs, uids: Mapping[str, str], bearer: str, transport: str
) -> None:
    way = Way(stack.url, transport, bearer)

    async def result(method: str, *more: str) -> Json:
        found: Json = (await inspector.answer(programs, way, method, *more))["result"]
        return found

    templates = (await result("resources/templates/list"))["resourceTemplates"]
    assert [template["name"] for template in templates] == list(uids)
    lists = [item["uri"] for item in (await result("resources/list"))["resources"]]
    items = [template["uriTemplate"].replace("{uid}", uids[template["name"]]) for template in templates]
    for uri in [*lists, *items]:
        (content,) = (await result("resources/read", "--uri", uri))["contents"]
        assert TITLE in content["text"]
    for prompt in (await result("prompts/list"))["prompts"]:
        given = [f"{argument['name']}={TITLE}" for argument in prompt["arguments"]]
        named = ["--prompt-args", *given] if given else []
        assert (await result("prompts/get", "--prompt-name", prompt["name"], *named))["messages"]
