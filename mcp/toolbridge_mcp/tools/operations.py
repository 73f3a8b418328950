"""The operations, each declared once for all entities."""

from collections.abc import Callable
from dataclasses import dataclass

from mcp.types import ToolAnnotations

from toolbridge_mcp.client import COLLECTION, ITEM, ApiClient
from toolbridge_mcp.entities import Entity
from toolbridge_mcp.tools.arguments import (
    OperationArguments,
    Target,
    create_arguments,
    get_arguments,
    item_arguments,
    patch_arguments,
    process_arguments,
    update_arguments,
)
from toolbridge_mcp.tools.hints import READS, writes
from toolbridge_mcp.tools.lists import list_arguments


@dataclass(frozen=True)
class Operation:
    """One verb: the API's method and route, the arguments for an entity, and what a model reads about it.

    `about` may use {word}, {words}, {kind} and {parent}; `hints` are MCP's annotations for our own API.
    """

    verb: str
    method: str
    route: str
    about: str
    arguments: Callable[[Entity], type[OperationArguments]]
    hints: ToolAnnotations
    on_many: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def on_item(self) -> bool:
        """Whether it is about one item, which `uid` names."""
        return self.route.startswith(ITEM)

    @property
    def conditional(self) -> bool:
        """Whether it takes `if_match`: every change of an item does."""
        return self.writes and self.on_item

    def tool_name(self, entity: Entity) -> str:
        return f"{self.verb}_{entity.plural if self.on_many else entity.kind}"

    def description(self, entity: Entity) -> str:
        parent = " Its parent stays unless given." if entity.parent else ""
        return self.about.format(**entity.words, parent=parent)

    def hints_for(self, client: ApiClient) -> ToolAnnotations:
        """`hints`, as they are true of the client's API."""
        if self.conditional and self.method != "DELETE" and client.counts_repetitions:
            return self.hints.model_copy(update={"idempotent_hint": False})
        return self.hints

    def target(self, entity: Entity) -> Target:
        """Which request to the API it is on an entity."""
        return Target(self.method, self.route, entity)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        verb="list",
        method="GET",
        route=COLLECTION,
        about="List the user's {words} by time of change, a line each.",
        arguments=list_arguments,
        hints=READS,
        on_many=True,
    ),
    Operation(
        verb="get",
        method="GET",
        route=ITEM,
        about="Read one {word}.",
        arguments=get_arguments,
        hints=READS,
    ),
    Operation(
        verb="create",
        method="POST",
        route=COLLECTION,
        about="Create a {word}.",
        arguments=create_arguments,
        hints=writes(repeatable=False),
    ),
    Operation(
        verb="update",
        method="PUT",
        route=ITEM,
        about="Replace a {word}: fields not given are removed.{parent} "
        "To change some fields use patch_{kind}.",
        arguments=update_arguments,
        hints=writes(destroys=True),
    ),
    Operation(
        verb="patch",
        method="PATCH",
        route=ITEM,
        about="Change some fields of a {word}; the others stay. A list or object is replaced whole.",
        arguments=patch_arguments,
        hints=writes(destroys=True),
    ),
    Operation(
        verb="delete",
        method="DELETE",
        route=ITEM,
        about="Delete a {word}.",
        arguments=item_arguments,
        hints=writes(destroys=True),
    ),
    Operation(
        verb="archive",
        method="POST",
        route=f"{ITEM}/archive",
        about="Archive a {word}.",
        arguments=item_arguments,
        hints=writes(),
    ),
    Operation(
        verb="process",
        method="POST",
        route=f"{ITEM}/process",
        about="Do an action on a {word}.",
        arguments=process_arguments,
        hints=writes(),
    ),
)
