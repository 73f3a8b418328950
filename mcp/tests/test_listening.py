"""Where the gateway listens, and where its machine reaches it."""

import socket
from contextlib import ExitStack
from threading import Thread

import pytest

from tests.harness.processes import free_port
from toolbridge_mcp.listening import listeners, reached_at
from toolbridge_mcp.supervision.__main__ import of_programs
from toolbridge_mcp.supervision.watchdog import answers, program

IPV4 = "127.0.0.1"
IPV6 = "::1"


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("0.0.0.0", {IPV4}),
        ("::", {IPV4, IPV6}),
        ("[::]", {IPV4, IPV6}),
        ("0:0::0", {IPV4, IPV6}),
        (IPV4, {IPV4}),
        (" 127.0.0.1 ", {IPV4}),
        (IPV6, {IPV6}),
        ("localhost", {IPV4}),
    ],
)
def test_clients_of_both_families_are_seen_by_their_own_addresses(host: str, reached: set[str]) -> None:
    port = free_port()
    with ExitStack() as stack:
        opened = [stack.enter_context(listener) for listener in listeners(host, port)]
        seen = set()
        for address in (IPV4, IPV6):
            try:
                stack.enter_context(socket.create_connection((address, port), 1))
            except ConnectionRefusedError:
                continue
            for listener in opened:
                listener.settimeout(0.05)
                try:
                    connection, client = listener.accept()
                except TimeoutError:
                    continue
                connection.close()
                seen.add(client[0])
    assert seen == reached


def test_a_port_that_is_taken_for_one_family_leaves_nothing_open() -> None:
    port = free_port()
    with socket.create_server((IPV4, port)):
        with pytest.raises(OSError, match="in use"):
            listeners("::", port)
        with socket.create_server(("::", port), family=socket.AF_INET6):
            pass


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1000", ""])
def test_what_is_no_address_of_this_machine_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011  which one depends on the system
        listeners(host or "300.1.1.1", free_port())


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("0.0.0.0", IPV4),
        ("::", IPV4),
        ("[::]", IPV4),
        ("::1", "::1"),
        ("[fd00::2]", "fd00::2"),
        ("10.0.0.5", "10.0.0.5"),
        ("fly-local-6pn", "fly-local-6pn"),
    ],
)
def test_probes_follow_the_address(host: str, reached: str) -> None:
    assert reached_at(host) == reached
    assert of_programs({"TOOLBRIDGE_HOST": host})["TOOLBRIDGE_LOCAL_HOST"] == reached


@pytest.mark.parametrize("host", [IPV4, IPV6])
def test_the_watchdog_takes_hosts_of_both_families(host: str) -> None:
    port = free_port()
    name, place = program(f"gateway={host}:{port}")
    assert (name, place) == ("gateway", (host, port))
    (listener,) = listeners(*place)
    with listener:
        Thread(target=respond, args=(listener,), daemon=True).start()
        assert answers(place)


def respond(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
