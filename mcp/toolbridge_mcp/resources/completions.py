"""Completions of ids by title: of the templates' `uid`, and of the prompts' arguments that name an item."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from toolbridge_mcp.client import COLLECTION, ITEM, SUMMARIES, ApiClient, Call, Origin
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.entities.uids import read_reference
from toolbridge_mcp.errors import Rejected
from toolbridge_mcp.identity import client_name
from toolbridge_mcp.rendering import Summary, from_item, one_line, short_ids
from toolbridge_mcp.resilience import CallLimits
from toolbridge_mcp.resources.item_template import address
from toolbridge_mcp.resources.summaries import summaries_in
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.guarded import CallFailed, Guarded

MOST = 50
"""Values of one completion: as many as a page of the API's search has. MCP allows 100."""

LONGEST = 200
"""Characters of a title that are looked for."""

TITLE_CHARACTERS = 80

NOTHING = Completion(values=[], total=0, has_more=False)

_WORD = re.compile(r"\w+")


class _Asked(NamedTuple):
    """What is to be completed: the beginning of a title, or an id of an item. `as_title` says that the
    values are read by people, who choose by titles."""

    entity: Entity
    begun: str
    as_title: bool


class Completions:
    """Answers `completion/complete`. Where something fails there are no values: people type on meanwhile."""

    def __init__(
        self,
        client: ApiClient,
        limits: CallLimits,
        scope: str,
        *,
        templates: Sequence[Entity],
        prompts: Mapping[tuple[str, str], Entity],
    ) -> None:
        """`prompts` has the entity that an argument names, by the names of prompt and argument."""
        self._client = client
        self._guarded = Guarded("completion", scope, False, {}, limits)
        self._templates = {address(entity, ""): entity for entity in templates}
        self._prompts = prompts

    async def complete(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _: CompletionContext | None,
    ) -> Completion:
        asked = self._asked(reference, argument)
        if asked is None:
            return NOTHING
        try:
            return await self._guarded.call(self._completion, asked)
        except CallFailed:
            return NOTHING

    def _asked(
        self, reference: PromptReference | ResourceTemplateReference, argument: CompletionArgument
    ) -> _Asked | None:
        begun = argument.value[:LONGEST]
        if isinstance(reference, PromptReference):
            entity = self._prompts.get((reference.name, argument.name))
            return _Asked(entity, begun, as_title=True) if entity else None
        entity = self._templates.get(reference.uri[: reference.uri.rfind("/") + 1])
        return _Asked(entity, begun, as_title=False) if entity and argument.name == "uid" else None

    async def _completion(self, asked: _Asked, correlation_id: str) -> Completion:
        caller = Caller(self._client, Origin(correlation_id, self._guarded.name, client_name()))
        features = await self._client.read_features()
        found, has_more = await _found(asked, caller, features)
        values = _titles(found, features) if asked.as_title else [summary.uid for summary in found]
        return Completion(values=values, total=None if has_more else len(values), has_more=has_more)


async def _found(asked: _Asked, caller: Caller, features: frozenset[str]) -> tuple[Sequence[Summary], bool]:
    """The items meant, and whether there may be more."""
    by_id = await _by_id(asked, caller)
    if by_id is not None:
        return [by_id], False
    words = _WORD.findall(_folded(asked.begun))
    if not words:
        query = {"limit": str(MOST), "order": "desc"}
        call = Call("GET", COLLECTION, asked.entity, query=query, wishes=(SUMMARIES,))
    elif "search" in features:
        query = {"q": " ".join(words), "kinds": asked.entity.kind, "limit": str(MOST)}
        call = Call("GET", "/v1/search", query=query)
    else:
        return [], False
    page = await caller.send(call)
    found = [item for item in summaries_in(page, asked.entity) if item.title and _has(item.title, words)]
    found.sort(key=lambda item: not _folded(item.title or "").startswith(_folded(asked.begun)))
    return found, "nextCursor" in page.data


async def _by_id(asked: _Asked, caller: Caller) -> Summary | None:
    """The item whose id was typed."""
    reference = read_reference(asked.begun)
    if reference is None or reference.kind not in ("", asked.entity.kind):
        return None
    try:
        item = await caller.send(Call("GET", ITEM, asked.entity, reference.uid))
    except Rejected:
        return None
    return from_item(asked.entity, item.data)


def _has(title: str, words: Sequence[str]) -> bool:
    """Whether all words are in the title, rather than in the text: they may be its beginning, or parts of it
    in scripts that do not separate words."""
    folded = _folded(title)
    return all(word in folded for word in words)


def _folded(text: str) -> str:
    """Without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _titles(found: Sequence[Summary], features: frozenset[str]) -> list[str]:
    """Each title with the id, such as `Weekly plan (3f9a01bc)`."""
    ids = short_ids(found) if "shortIds" in features else {}
    return [
        f"{one_line(item.title or item.kind, TITLE_CHARACTERS)} ({ids.get((item.kind, item.uid), item.uid)})"
        for item in found
    ]
