"""What callers occupy, in numbers."""

import pytest

from toolbridge_mcp.web.ledger import Lack, Room, address_of, caller_at


def test_a_caller_has_its_own_room_and_a_share_of_all() -> None:
    room = Room(most=5, most_each=3)
    room.add("ann", 3)
    assert room.lacks("ann") is Lack.OWN
    assert room.lacks("bob", 2) is None
    room.add("bob", 2)
    assert room.lacks("bob") is Lack.SHARED
    assert room.lacks("cy") is Lack.SHARED
    assert (room.total, room.of("ann"), room.of("bob"), room.of("cy")) == (5, 3, 2, 0)


def test_room_is_there_again_when_it_is_left() -> None:
    room = Room(most=2, most_each=1)
    with room.held("ann"):
        assert room.lacks("ann") is Lack.OWN
    assert room.lacks("ann") is None
    with pytest.raises(ZeroDivisionError), room.held("ann"):
        raise ZeroDivisionError
    assert (room.total, room.callers) == (0, 0)


def test_nothing_is_kept_of_a_caller_without_anything() -> None:
    room = Room(most=10, most_each=10)
    room.add("ann", 4)
    room.remove("ann", 1)
    assert room.callers == 1
    room.remove("ann", 3)
    assert room.callers == 0


def test_more_than_was_added_cannot_be_removed() -> None:
    room = Room(most=10, most_each=10)
    room.add("ann")
    with pytest.raises(ValueError, match="more is removed"):
        room.remove("ann", 2)
    assert (room.total, room.of("ann")) == (1, 1)


def test_one_thing_larger_than_the_room_never_fits() -> None:
    assert Room(most=10, most_each=5).lacks("ann", 6) is Lack.OWN
    assert Room(most=4, most_each=5).lacks("ann", 5) is Lack.SHARED


def test_the_caller_with_most_is_known() -> None:
    room = Room(most=10, most_each=10)
    assert room.largest() is None
    room.add("ann", 2)
    room.add("bob", 3)
    assert room.largest() == "bob"
    room.remove("bob", 2)
    assert room.largest() == "ann"


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_stranger_is_an_address_and_an_ipv6_address_is_its_network(host: str, caller: str) -> None:
    assert caller_at(host) == caller
    assert address_of({"client": (host, 1)}) == caller


def test_a_request_without_an_address_has_a_caller_too() -> None:
    assert address_of({"client": None}) == ""
