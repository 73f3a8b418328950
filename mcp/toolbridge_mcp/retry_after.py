"""The `Retry-After` header of an HTTP response (RFC 9110, section 10.2.3)."""

MAX_DIGITS = 9
"""Nobody waits longer than 31 years; a longer number is as good as no header."""


def retry_after_seconds(header: str) -> int | None:
    """The seconds to wait, or None. The header's other form, a date, is of no use to a model."""
    is_number = header.isascii() and header.isdecimal() and len(header) <= MAX_DIGITS
    return int(header) if is_number else None
