"""The shared vectors of signed requests are as their script writes them, and not of one sort only.

The API's tests read the same file.
"""

import base64
import hmac
import json
from collections import Counter
from typing import Any

from tests.transport.signature_vectors import FILE, render

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())


def test_the_file_is_what_its_script_writes() -> None:
    assert FILE.read_text() == render(), (
        "run python -m tests.transport.signature_vectors in mcp/ and review the change"
    )


def test_each_row_has_a_name_of_its_own_and_each_reason_has_rows() -> None:
    rows = DOCUMENT["rows"]
    assert len({row["name"] for row in rows}) == len(rows) >= 200
    reasons = Counter(row["refused"] for row in rows)
    assert set(reasons) == {
        *("", "absent", "form", "uncovered", "key", "mac", "tenant", "clock", "expired", "process", "digest"),
    }
    assert sum("signer" in row for row in rows) >= 40


def test_the_standard_s_example_signs_what_it_says() -> None:
    standard = DOCUMENT["standard"]
    signed = hmac.digest(base64.b64decode(standard["secret"]), standard["base"].encode(), "sha256")
    assert standard["signature"] == f"sig-b25=:{base64.b64encode(signed).decode()}:"
