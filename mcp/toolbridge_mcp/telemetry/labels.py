"""Names that may become labels of metrics: a bounded number, in which a caller can say little."""

import re
from collections.abc import Iterable

UNKNOWN, OTHER = "unknown", "other"

MAX_CLIENTS = 30
"""Names of clients beside those that are well known."""

CLIENTS = (
    *("antigravity-client", "chatgpt", "claude", "claude-ai", "claude-code", "cline", "codex-mcp-client"),
    *("cursor", "cursor-vscode", "fastmcp", "gemini-cli-mcp-client", "github-copilot-developer", "goose"),
    *("inspector-client", "librechat", "mcp", "mcp-inspector", "mcp-remote", "n8n-mcp-client", "openai-mcp"),
    *("opencode", "raycast", "toolbridge", "visual-studio-code", "windsurf-client", "zed"),
)
"""As they call themselves, in lower case. They always have a place."""

MAX_REMEMBERED = 1_024
LONGEST_REMEMBERED = 128

_PLAIN = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_MOST_DIGITS = 4
"""A name with more digits is more likely an id, a token or a number of somebody."""


class Names:
    """Labels for names that callers choose: those of `known`, the first `most` plain ones beside them, and
    `other` for the rest."""

    def __init__(self, known: Iterable[str], most: int) -> None:
        self._labels = set(known)
        self._left = most

    def label(self, name: str) -> str:
        if name in self._labels:
            return name
        if not self._left or not _PLAIN.fullmatch(name) or sum(map(str.isdigit, name)) > _MOST_DIGITS:
            return OTHER
        self._left -= 1
        self._labels.add(name)
        return name


class Clients:
    """Labels for clients: their names in lower case and without versions."""

    def __init__(self) -> None:
        self._names = Names(CLIENTS, MAX_CLIENTS)
        self._labels: dict[str, str] = {}

    def label(self, client: str | None) -> str:
        """The label for a client that calls itself so, with its version behind the last slash. `unknown` if
        it did not say."""
        if not client:
            return UNKNOWN
        label = self._labels.get(client)
        if label is None:
            label = self._names.label((client.rpartition("/")[0] or client).lower())
            if len(client) <= LONGEST_REMEMBERED:
                if len(self._labels) >= MAX_REMEMBERED:
                    self._labels.clear()
                self._labels[client] = label
        return label


clients = Clients()
"""The clients of this process, for all that counts by client."""
