"""Both halves declare the same entities, operations and error codes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.harness.clients import Rest
from tests.harness.processes import REPOSITORY
from toolbridge_mcp.client.codes import CODES
from toolbridge_mcp.client.description import OperationInfo, ServerInfo
from toolbridge_mcp.client.refusals import refusal
from toolbridge_mcp.contract import code_mismatches, mismatches, operation_mismatches
from toolbridge_mcp.entities import COMMENT, ENTITIES, NOTE
from toolbridge_mcp.tools.operations import OPERATIONS
from toolbridge_mcp.transport import Response

CONTRACT_FILE = REPOSITORY / "api/internal/httpapi/testdata/contract.json"
CONTRACT: dict[str, Any] = json.loads(CONTRACT_FILE.read_text())
TABLE: dict[str, Any] = CONTRACT["entities"]
ROUTES = {name: OperationInfo.model_validate(info) for name, info in CONTRACT["operations"].items()}
CODES_OF_THE_API: dict[str, int] = CONTRACT["errors"]


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
        ({"formats": {"at": "date-or-time"}}, "notes: formats here none, in the API at date-or-time."),
        (
            {"parent": {"uid": "chatUid", "kinds": ["chat"]}},
            "notes: parent here none, in the API chat, chatUid.",
        ),
        ({"title": "name"}, "notes: title here title, in the API name."),
        ({"text": ["body"]}, "notes: text here content, in the API body."),
        ({"archive": {"hidden": True}}, "notes: the API's actions set hidden, which is no field here."),
    ],
    ids=["kind", "actions", "states", "formats", "parent", "title", "text", "fields"],
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


def test_the_operations_are_those_of_the_api() -> None:
    assert operation_mismatches(OPERATIONS, ROUTES) == []


def test_an_operation_that_one_half_lacks_or_takes_for_another_is_said() -> None:
    fold = replace(OPERATIONS[0], verb="fold", method="POST", route="/v1/{plural}/{uid}/fold")
    assert operation_mismatches((*OPERATIONS, fold), ROUTES) == [
        "The API has no POST /v1/{plural}/{uid}/fold."
    ]
    assert operation_mismatches(OPERATIONS[1:], ROUTES) == ["No operation here is GET /v1/{plural}."]
    blind = {**ROUTES, "delete": ROUTES["delete"].model_copy(update={"conditional": False})}
    assert operation_mismatches(OPERATIONS, blind) == [
        "DELETE /v1/{plural}/{uid}: writes and takes conditions (True, True) here, (True, False) in the API."
    ]


def test_every_error_code_of_the_api_is_known_with_its_status() -> None:
    assert code_mismatches(CODES_OF_THE_API) == []


def test_an_error_code_that_one_half_lacks_or_answers_otherwise_is_said() -> None:
    others = {code: status for code, status in CODES_OF_THE_API.items() if code != "deleted"}
    assert code_mismatches(others) == ["The API has no error code deleted."]
    assert code_mismatches({**CODES_OF_THE_API, "gone": 410}) == [
        "The API's error code gone is not known here."
    ]
    assert code_mismatches({**CODES_OF_THE_API, "deleted": 404}) == [
        "deleted: status here 410, in the API 404."
    ]


@pytest.mark.parametrize(("code", "status"), CODES_OF_THE_API.items())
def test_an_answer_with_a_code_of_the_api_is_told_as_what_it_means(code: str, status: int) -> None:
    error = refusal(Response(status, (), json.dumps({"error": "a sentence", "code": code}).encode()))
    assert type(error) is CODES[code].error
