"""Scopes and resources that clients ask for."""

import pytest
from mcp.shared.auth import InvalidScopeError

from toolbridge_mcp.login.resources import Resources
from toolbridge_mcp.login.scopes import OfferedScopes
from toolbridge_mcp.web import Address, ToolsetsInAddresses

OFFERED = OfferedScopes("read", "write", {"api://x/read": "read"})
TOOLSETS = ToolsetsInAddresses(["crud", "work"])
PUBLIC = "https://tools.example/prefix"


@pytest.mark.parametrize(
    ("asked", "registered", "granted"),
    [
        (None, None, ["read", "write"]),
        ("read", None, ["read"]),
        ("write read", None, ["read", "write"]),
        ("openid offline_access read", None, ["read"]),
        ("read read", None, ["read"]),
        ("api://x/read", None, ["read"]),
        ("read write", "read", ["read"]),
        (None, "read", ["read"]),
        ("write", "openid", ["write"]),
    ],
)
def test_known_scopes_are_granted(asked: str | None, registered: str | None, granted: list[str]) -> None:
    assert OFFERED.asked(asked, registered) == granted


@pytest.mark.parametrize(("asked", "registered"), [("openid", None), ("write", "read"), ("READ", None)])
def test_a_request_for_nothing_that_is_known_is_refused(asked: str, registered: str | None) -> None:
    with pytest.raises(InvalidScopeError):
        OFFERED.asked(asked, registered)


def public() -> Resources:
    return Resources(PUBLIC, Address(PUBLIC), ["inside.example"], TOOLSETS)


@pytest.mark.parametrize(
    ("resource", "audience"),
    [
        (None, PUBLIC),
        (PUBLIC, PUBLIC),
        (f"{PUBLIC}/", PUBLIC),
        (f"{PUBLIC}/mcp", f"{PUBLIC}/mcp"),
        (f"{PUBLIC}/sse/", f"{PUBLIC}/sse"),
        (f"{PUBLIC}/mcp?toolsets=work", f"{PUBLIC}/mcp"),
        ("HTTPS://Tools.Example/prefix/mcp", f"{PUBLIC}/mcp"),
        ("http://inside.example:8001/mcp", f"{PUBLIC}/mcp"),
        ("http://localhost:8001/sse", f"{PUBLIC}/sse"),
    ],
)
def test_our_addresses_are_resources(resource: str | None, audience: str) -> None:
    assert public().audience(resource) == audience


@pytest.mark.parametrize(
    "resource",
    [
        "https://evil.example/mcp",
        "https://tools.example.evil.example/prefix/mcp",
        "https://tools.example@evil.example/prefix/mcp",
        "https://evil.example@tools.example/prefix/mcp",
        f"{PUBLIC}/other",
        f"{PUBLIC}/mcp#x",
        f"{PUBLIC}/mcp?toolsets=nothing",
        f"{PUBLIC}/mcp?x=1",
        f"{PUBLIC}/../mcp",
        "ftp://tools.example/prefix/mcp",
        "tools.example",
        "/mcp",
        "https://[::1",
        "https://tools.example/prefix/mcp\u20ac",
        "https://tools.example/prefix/mcp?toolsets=\u20ac",
    ],
)
def test_others_are_not(resource: str) -> None:
    assert public().audience(resource) is None


def test_a_gateway_of_this_machine_is_one_resource_under_all_names_of_it() -> None:
    resources = Resources("http://127.0.0.1:8001", Address(), ["127.0.0.1"], TOOLSETS)
    for host in ("127.0.0.1:8001", "localhost:8001", "[::1]:8001"):
        assert resources.audience(f"http://{host}/mcp") == "http://127.0.0.1:8001/mcp"
