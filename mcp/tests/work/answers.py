"""What each kind of answer costs a model."""

import re
from typing import Any

from tests.harness.clients import Rest, token
from tests.harness.tokens import count
from tests.work import life, phrases
from tests.work.life import Chance
from tests.work.model import ALL, Model, connected, shown
from tests.work.person import Person
from tests.work.reading import id_in
from toolbridge_mcp.errors import ToolBridgeError

PAGE = 100
CORRELATION_ID = "0d9f4e1a2b3c4d5e6f708192a3b4c5d6"
RANDOM = re.compile(r"\b[0-9a-f]{32}\b")
"""A correlation id, which has another number of tokens each time."""


async def answers(api_url: str, gateway_url: str) -> dict[str, int]:
    """The tokens of an answer of each kind."""
    counted = {}
    for kilobytes in (1, 5):
        bearer = await _with_notes(api_url, kilobytes)
        async with connected(gateway_url, bearer, ALL) as model:
            name = f"list of {PAGE} notes of {kilobytes} kB"
            counted[name] = await _cost(model, "list_notes", limit=PAGE)
            counted[f"{name}, full"] = await _cost(model, "list_notes", limit=PAGE, view="full")
    bearer = token("answers")
    rest = Rest(api_url, bearer)
    await Person(rest).store()
    await rest.aclose()
    async with connected(gateway_url, bearer, ALL) as model:
        return {
            **counted,
            **await _of_reading(model),
            **await _of_writing(model),
            **await _of_refusals(model),
        }


async def _with_notes(api_url: str, kilobytes: int) -> str:
    """The token of a user who has a page of notes of this size."""
    chance, bearer = Chance("notes"), token(f"notes of {kilobytes} kB")
    sections = phrases.HEADINGS["meeting"]
    creates = [
        {"op": "create", "kind": "note", "uid": chance.uid(), "payload": {"title": title, "content": content}}
        for place in range(PAGE)
        for title in [f"{chance.one_of(phrases.TITLES['meeting'])} ({place})"]
        for content in [
            chance.document(sections, phrases.WORK_SENTENCES, kilobytes * 1000)[: kilobytes * 1000]
        ]
    ]
    rest = Rest(api_url, bearer)
    await rest.json("POST", "/v1/batch", json={"operations": creates})
    await rest.aclose()
    return bearer


async def _cost(model: Model, name: str, **arguments: Any) -> int:
    """The tokens of the answer to a call that must succeed."""
    return count(await model.call(name, **arguments))


async def _refusal(model: Model, name: str, **arguments: Any) -> int:
    """The tokens of the error that a call must get."""
    result = await model.tools.result(name, **arguments)
    assert result.is_error, shown(result)
    return count(RANDOM.sub(CORRELATION_ID, shown(result)))


async def _of_reading(model: Model) -> dict[str, int]:
    note = id_in(await model.call("search", query="goods lift inspector", kinds=["note"]))
    return {
        "list of 20 tasks": await _cost(model, "list_tasks"),
        "list of 20 chat messages": await _cost(model, "list_chat_messages"),
        "get of a note of 3 kB": await _cost(model, "get_note", uid=note),
        "search with ten hits": await _cost(model, "search", query="boiler", kinds=["note"]),
        "search without a hit": await _cost(model, "search", query="zeppelin"),
        "read of five notes of 3 kB": await _cost(model, "read", items=list(life.FIVE_TITLES)),
        "read of a chat with 12 messages": await _cost(model, "read", items=[life.ROOF], with_messages=50),
        "overview": await _cost(model, "overview"),
        "changes of 781 items": await _cost(model, "changes", since="1 hour"),
        "whoami": await _cost(model, "whoami"),
    }


async def _of_writing(model: Model) -> dict[str, int]:
    lift = id_in(await model.call("search", query="goods lift inspector", kinds=["note"]))
    where = {"tag": life.OLD_TAG}
    tags = {"op": "tags", "kind": "note", "where": where, "add": ["quarterly"]}
    own_uid = Chance("create").uid()  # random ones have another number of tokens each time
    return {
        "create": await _cost(
            model, "create_note", title="Milk", content="Two bottles", additional_fields={"uid": own_uid}
        ),
        "patch": await _cost(model, "patch_note", uid=lift, updates={"pinned": True}),
        "patch that changes nothing": await _cost(model, "patch_note", uid=lift, updates={"pinned": True}),
        "process": await _cost(model, "process_note", uid=lift, action="unpin"),
        "edit_text": await _cost(model, "edit_text", item=f"note:{lift[-8:]}", append="- one more line"),
        "batch on 29 notes, tried": await _cost(model, "batch", operations=[tags], dry_run=True),
        "batch on 29 notes": await _cost(model, "batch", operations=[tags]),
        "undo": await _cost(model, "undo"),
        "delete": await _cost(model, "delete_note", uid=lift),
    }


async def _of_refusals(model: Model) -> dict[str, int]:
    roof = id_in(await model.call("search", query=life.ROOF, kinds=["chat"]))
    nobody = "00000000-0000-4000-8000-000000000000"
    edit = {"find": "no such text", "replace": ""}
    called = {
        "error: conflict": await _refusal(model, "patch_chat", uid=roof, updates={"title": "x"}, if_match=9),
        "error: unknown item": await _refusal(model, "get_note", uid=nobody),
        "error: argument missing": await _refusal(model, "create_note", title="x"),
        "error: unknown argument": await _refusal(model, "list_tasks", stat="open"),
        "error: wrong value": await _refusal(model, "process_task", uid=nobody, action="finish"),
        "error: text not found": await _refusal(model, "edit_text", item=life.LIFT, edits=[edit]),
        "error: unknown tool": await _refusal(model, "fetch_note", uid=nobody),
    }
    return {**called, "error: the longest of all": max(map(_text, _kinds(ToolBridgeError)))}


def _kinds(of: type[ToolBridgeError]) -> list[type[ToolBridgeError]]:
    """Every kind of failure."""
    return [of, *(kind for below in of.__subclasses__() for kind in _kinds(below))]


def _text(kind: type[ToolBridgeError]) -> int:
    """The tokens of the error's own text, with short facts."""
    return count(kind().text({"problems": "title should be a text.", "scope": "write"}, CORRELATION_ID))
