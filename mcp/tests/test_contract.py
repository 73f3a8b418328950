"""Both halves declare the same entities."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.harness.clients import Rest
from tests.harness.processes import REPOSITORY
from toolbridge_mcp.client.description import ServerInfo
from toolbridge_mcp.contract import mismatches
from toolbridge_mcp.entities import COMMENT, ENTITIES, NOTE

CONTRACT_FILE = REPOSITORY / "api/internal/httpapi/testdata/contract.json"
CONTRACT: dict[str, Any] = json.loads(CONTRACT_FILE.read_text())
TABLE: dict[str, Any] = CONTRACT["entities"]


def described(**changes: Any) -> ServerInfo:
    return ServerInfo.model_validate({"entities": {**TABLE, **changes}})


def test_the_declarations_agree_with_the_apis_table() -> None:
    assert mismatches(ENTITIES, described()) == []
    assert set(TABLE) == {entity.plural for entity in ENTITIES}


@pytest.mark.anyio
async def test_the_declarations_agree_with_the_running_api(rest: Rest) -> None:
    info = ServerInfo.model_validate((await rest("GET", "/v1/sync/info")).json())
    assert mismatches(ENTITIES, info) == []
    assert not info.first_generation


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "memo"}, "notes: kind here note, in the API memo."),
        ({"actions": {}}, "notes: actions here archive, pin, unarchive, unpin, in the API none."),
        ({"states": ["active"]}, "notes: states here active, archived, in the API active."),
        (
            {"parent": {"uid": "chatUid", "kinds": ["chat"]}},
            "notes: parent here none, in the API chat, chatUid.",
        ),
        ({"archive": {"hidden": True}}, "notes: the API's actions set hidden, which is no field here."),
    ],
    ids=["kind", "actions", "states", "parent", "fields"],
)
def test_a_difference_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    assert mismatches(ENTITIES, described(notes={**TABLE["notes"], **change})) == [sentence]


def test_an_entity_that_the_api_lacks_is_said() -> None:
    lacking = ServerInfo.model_validate({"entities": {k: v for k, v in TABLE.items() if k != "notes"}})
    assert mismatches(ENTITIES, lacking) == ["The API has no notes."]
    extra = replace(NOTE, kind="gadget")
    assert mismatches((*ENTITIES, extra), described()) == ["The API has no gadgets."]


def test_the_first_generation_describes_nothing_to_compare() -> None:
    names = ServerInfo.model_validate({"entities": {entity.plural: {"push": True} for entity in ENTITIES}})
    assert mismatches(ENTITIES, names) == []
    assert names.first_generation


def test_parents_are_compared_with_both_keys_and_kinds() -> None:
    parent = {**TABLE["comments"]["parent"], "kinds": ["note", "task", "chat"]}
    (sentence,) = mismatches((COMMENT,), described(comments={**TABLE["comments"], "parent": parent}))
    assert sentence == (
        "comments: parent here note, parentType, parentUid, task, "
        "in the API chat, note, parentType, parentUid, task."
    )
