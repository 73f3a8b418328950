"""Ids of items: which texts are some, and what of them reaches a path."""

from uuid import uuid4

import pytest

from toolbridge_mcp.entities.uids import Reference, is_whole, read_reference

UID = "3f9a01bc-8f6e-4f5a-9d0e-2f4d6c1b7a35"
DIGITS = UID.replace("-", "")


@pytest.mark.parametrize(
    ("text", "kind", "uid"),
    [
        (UID, "", UID),
        (DIGITS.upper(), "", UID),
        (f"urn:uuid:{UID}", "", UID),
        (f"{{{UID}}}", "", UID),
        ("3F9A01BC", "", "3f9a01bc"),
        ("3f9a01bc-", "", "3f9a01bc"),
        ("3f9a01bc-8f6e-4", "", "3f9a01bc8f6e4"),
        ("note:3f9a01bc", "note", "3f9a01bc"),
        ("Chat_Message:3f9a01bc", "chat_message", "3f9a01bc"),
        (f"toolbridge://note/{UID}", "note", UID),
        ("uid:3f9a01bc", "", "3f9a01bc"),
    ],
)
def test_an_id_is_read(text: str, kind: str, uid: str) -> None:
    assert read_reference(text) == Reference(kind, uid)
    assert is_whole(uid) == (uid == UID)


@pytest.mark.parametrize(
    "text",
    [
        *("", "3f9a01b", "3f9a-01bc", "3f9a01bg", f"{UID}0", f"{UID}-", "--------", "3f9a01bc/archive"),
        *("../3f9a01bc", "note:", "note:Groceries", "a b:3f9a01bc", "{3f9a01bc", "3f9a01bc}", "3f9a01bc v3"),
        *("\u0663f9a01bc", "\uff13f9a01bc", "3f9a01bc\0", f"{'a' * 100_000}:3f9a01bc", "-" * 100_000),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_anything_else_is_none(text: str) -> None:
    assert read_reference(text) is None


def test_every_beginning_of_a_uid_with_8_digits_or_more_is_a_short_id() -> None:
    uid = str(uuid4())
    for length in range(8, 36):
        found = read_reference(uid[:length])
        assert found
        assert found.uid == uid[:length].replace("-", "")
