"""A JSON object of the API, as it came and parsed."""

from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

JsonObject = dict[str, Any]
"""A free-form JSON object: the API stores payloads without a schema."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object of the API: its exact text, the same parsed once, and its size in bytes."""

    text: str
    data: JsonObject
    size: int

    @classmethod
    def parse(cls, content: bytes) -> "Document":
        """Raises ValueError if the content is not one JSON object in UTF-8, or nested beyond 200 levels."""
        text = content.decode()
        data = from_json(content, allow_inf_nan=False)
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        return cls(text, data, len(content))
