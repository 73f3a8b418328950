"""MCP's annotations of tools, which hosts read to decide what to ask their user before a call."""

from mcp.types import ToolAnnotations

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


def writes(*, destroys: bool = False, repeatable: bool = True) -> ToolAnnotations:
    """`destroys`: whether stored data may be lost. `repeatable`: whether the same call again adds nothing."""
    return ToolAnnotations(
        read_only_hint=False, destructive_hint=destroys, idempotent_hint=repeatable, open_world_hint=False
    )
