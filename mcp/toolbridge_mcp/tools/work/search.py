"""Finds items by what they say."""

from typing import Annotated

from pydantic import AfterValidator, Field

from toolbridge_mcp.client import Call, Document
from toolbridge_mcp.entities.entity import Maybe, Number, Word
from toolbridge_mcp.entities.times import Moment
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.rendering import from_summary, lines, quoted
from toolbridge_mcp.tools.caller import Caller
from toolbridge_mcp.tools.hints import READS
from toolbridge_mcp.tools.lists import Cursor, fit
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.tools.work.selecting import EVERYTHING, Kinds, States, Tags, one_of, states_of
from toolbridge_mcp.tools.work.texts import PAGE_TOKENS, STORED, text_result
from toolbridge_mcp.tools.work.work_tool import Work, WorkArguments

MAX_QUERY_BYTES = 1_000
ALL = "*"
"""The query that finds everything, for lists of all kinds by the filters alone."""

_ALL_BUT_NOTHING = "-zqxjkvbzqxjkvbzq"
"""The same for the API: all that lacks a word that nobody writes."""

SHOWN_CHARACTERS = 80


def _searchable(text: str) -> str:
    if len(text.encode()) > MAX_QUERY_BYTES:
        raise ValueError(f"should have at most {MAX_QUERY_BYTES} bytes; a few words are enough")
    return text


Query = Annotated[Word, AfterValidator(_searchable)]


class SearchArguments(WorkArguments):
    query: Query = Field(description='Words, "a phrase", -without, or * for all')
    kinds: Maybe[Kinds] = None
    status: Maybe[States] = None
    tag: Maybe[Tags] = None
    updated_since: Maybe[Moment] = None
    limit: Number = Field(default=10, ge=1, le=50)
    cursor: Maybe[Cursor] = None

    async def carry_out(self, caller: Caller) -> Result:
        self._check_states()
        found = await self._page(caller, self.limit)
        shown = self._lines(found)
        if (room := fit(shown, PAGE_TOKENS)) < len(shown):
            found = await self._page(caller, room)
            shown = self._lines(found)
        if not shown:
            return text_result(self._nothing())
        cursor = found.data.get("nextCursor")
        order = "newest change" if self._all else "best"
        return text_result(
            f"{len(shown)}{' or more' if cursor else ''} found, the {order} first ({STORED}):",
            *shown,
            f'More: cursor="{cursor}"' if cursor else "",
        )

    @property
    def _all(self) -> bool:
        return self.query.strip() == ALL

    def _check_states(self) -> None:
        """Raises `InvalidArguments` for a state that no item of the kinds can have: it would find nothing."""
        if not (self.status and self.kinds):
            return
        allowed = states_of(self.kinds)
        if wrong := [state for state in self.status if state not in allowed]:
            said = f"among {', '.join(allowed)}" if allowed else "left out, since there is none"
            raise InvalidArguments(
                facts={"problems": f"status {wrong[0]} should be {said} for {', '.join(self.kinds)}."}
            )

    async def _page(self, caller: Caller, limit: int) -> Document:
        filters = {
            "kinds": self.kinds and one_of(self.kinds),
            "status": self.status and one_of(self.status),
            "tag": self.tag and one_of(self.tag),
            "updatedSince": self.updated_since,
            "cursor": self.cursor,
        }
        given = {name: value for name, value in filters.items() if value}
        words = _ALL_BUT_NOTHING if self._all else self.query
        return await caller.send(Call("GET", "/v1/search", query={"q": words, "limit": str(limit), **given}))

    def _lines(self, found: Document) -> list[str]:
        return lines([from_summary(each) for each in found.data["items"]], with_kind=True)

    def _nothing(self) -> str:
        if self.cursor:
            return "That was all."
        narrowed = [name for name in ("kinds", "status", "tag", "updated_since") if getattr(self, name)]
        if self._all:
            return f"Nothing matches {', '.join(narrowed)}." if narrowed else "There is nothing yet."
        without = f"Leave out {', '.join(narrowed)}, or search" if narrowed else "Search"
        return (
            f"Nothing found for {quoted(self.query, SHOWN_CHARACTERS)}. {without} for fewer or other words, "
            "or for the beginning of one word; overview shows what there is."
        )


SEARCH = Work(
    name="search",
    about=f"Search and find {EVERYTHING} by their text: a line each, best first, with ids.",
    arguments=SearchArguments,
    hints=READS,
    needs=frozenset({"search"}),
)
