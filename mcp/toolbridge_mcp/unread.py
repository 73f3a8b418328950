"""Answers that their clients have not taken yet: where a reader of the API finds whether there is room."""

from toolbridge_mcp.message import Message, current_message

Answer = Message

current_answer = current_message
"""The answer to the message being handled; None where nobody counts answers."""


class NoRoom(Exception):
    """There is no room for an answer of `size` bytes, because earlier answers have not been taken."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no room for an answer of {size} bytes")
        self.size = size
