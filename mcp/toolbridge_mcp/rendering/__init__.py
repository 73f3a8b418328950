"""How items appear to a model: in one line, or whole as Markdown, with nothing hidden in them."""

from toolbridge_mcp.rendering.hidden import has_hidden, one_line, visible, visible_json
from toolbridge_mcp.rendering.lines import line, lines, short_ids
from toolbridge_mcp.rendering.markdown import fenced, item_markdown
from toolbridge_mcp.rendering.summary import Belonging, Summary, from_item, from_summary
from toolbridge_mcp.rendering.tokens import estimated_tokens
from toolbridge_mcp.rendering.words import name, quoted, short_id, size, value, word

__all__ = [
    "Belonging",
    "Summary",
    "estimated_tokens",
    "fenced",
    "from_item",
    "from_summary",
    "has_hidden",
    "item_markdown",
    "line",
    "lines",
    "name",
    "one_line",
    "quoted",
    "short_id",
    "short_ids",
    "size",
    "value",
    "visible",
    "visible_json",
    "word",
]
