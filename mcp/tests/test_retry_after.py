"""The `Retry-After` header."""

import pytest

from toolbridge_mcp.retry_after import retry_after_seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("120000", 120_000),
        ("999999999", 999_999_999),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("1_000", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 5000, None),
    ],
)
def test_only_a_plain_number_of_seconds_counts(header: str, seconds: int | None) -> None:
    assert retry_after_seconds(header) == seconds
