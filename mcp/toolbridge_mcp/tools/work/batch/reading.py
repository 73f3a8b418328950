"""Reads the operations that a model sent.

A model may name an item with its kind, put fields beside `op` or into one object, and write names as the
tools do or as the API does. Whatever could mean two things is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from toolbridge_mcp.client import JsonObject
from toolbridge_mcp.errors import InvalidArguments
from toolbridge_mcp.tools.problems import NOT_JSON
from toolbridge_mcp.tools.work.batch.draft import Draft, called, draft_of
from toolbridge_mcp.tools.work.batch.names import Unfit
from toolbridge_mcp.tools.work.batch.sending import Zone, sendable
from toolbridge_mcp.tools.work.references import Named, Unknown

MAX_PROBLEMS = 5


class Reading:
    """The operations of one batch while they are read. What is wrong with them is said together."""

    def __init__(self, operations: Sequence[Any], zone: Zone) -> None:
        self._zone = zone
        self._drafts: list[Draft | None] = []
        self._problems: dict[int, str] = {}
        for number, given in enumerate(operations, 1):
            draft = None
            with self._noting(number, called(number, given)):
                draft = draft_of(number, given, self._drafts)
            self._drafts.append(draft)

    def wanted(self) -> Sequence[str]:
        """The texts by which items must be looked up; none if an operation is wrong anyway."""
        return [] if self._problems else [draft.wanted for draft in self._drafts if draft and draft.wanted]

    def take(self, items: Mapping[str, Named | Unknown]) -> None:
        """Completes the operations with the items that were looked up."""
        for place, draft in enumerate(self._drafts):
            if draft and draft.wanted:
                with self._noting(draft.number, draft.called):
                    self._drafts[place] = draft.with_item(items[draft.wanted])

    def sendable(self) -> Sequence[JsonObject]:
        """The operations as the API takes them. Raises `InvalidArguments` if any is wrong."""
        operations: list[JsonObject] = []
        for place, draft in enumerate(self._drafts):
            if draft and draft.kind:
                with self._noting(draft.number, draft.called):
                    operations.append(sendable(draft, draft.kind, self._drafts[:place], self._zone))
        if self._problems:
            raise InvalidArguments(facts={"problems": self._said()})
        return operations

    def _said(self) -> str:
        first = [self._problems[number] for number in sorted(self._problems)][:MAX_PROBLEMS]
        left_out = len(self._problems) - len(first)
        return " ".join([*first, *([f"{left_out} more are wrong."] if left_out else [])])

    @contextmanager
    def _noting(self, number: int, name: str) -> Iterator[None]:
        """Notes what is wrong with an operation, the first time."""
        try:
            yield
        except Unfit as unfit:
            self._problems.setdefault(number, f"{name}: {str(unfit).rstrip('.')}.")
        except InvalidArguments as invalid:  # as the tool for one item says it
            self._problems.setdefault(number, f"{name}: {invalid.facts['problems']}")
        except (ValueError, RecursionError):  # pydantic's, where values are written as JSON
            self._problems.setdefault(number, f"{name}: {NOT_JSON}")
