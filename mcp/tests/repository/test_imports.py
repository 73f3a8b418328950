"""Dependencies point one way: each module imports only what its row allows."""

import ast
import sys
from pathlib import Path

import pytest

from tests.harness.processes import GATEWAY_FOLDER

PACKAGE = GATEWAY_FOLDER / "toolbridge_mcp"

MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli", "environment"},
    "app": {
        *{"", "auth", "client", "entities", "health", "http_clients", "identity", "keyring", "rings"},
        *{
            "library_seams",
            "login",
            "logs",
            "metrics",
            "operator",
            "outbound",
            "prompts",
            "resilience",
            "resources",
            "settings",
            "sources",
            "telemetry",
            "tools",
            "transport",
            "web",
        },
    },
    "auth": {"auth", "identity", "keyring", "single_flight"},
    "choice": {"message"},
    "cli": {
        *{"", "app", "cli", "client", "connections", "contract", "entities", "environment", "errors"},
        *{"http_clients", "identity", "keyring", "listening", "login", "memory", "metrics", "outbound"},
        *{"retry_after", "readable", "rings", "setting_types", "settings", "supervision", "telemetry"},
        *{"transport", "uses", "uvicorn_server"},
    },
    "client": {
        *{"client", "entities", "errors", "metrics", "rendering", "resilience"},
        *{"retry_after", "single_flight", "transport", "unread"},
    },
    "connections": {"library_seams", "metrics", "web"},
    "contract": {"client", "entities", "tools"},
    "entities": {"entities"},
    "environment": set(),
    "errors": set(),
    "health": {"auth", "client", "contract", "entities", "errors", "login", "single_flight"},
    "http_clients": {"http_clients", "outbound", "settings", "transport"},
    "identity": {"message", "sender"},
    "keyring": set(),
    "library_seams": set(),
    "listening": set(),
    "login": {
        *{"auth", "errors", "http_clients", "identity", "keyring", "library_seams", "login", "markup"},
        *{"metrics", "rendering", "resilience", "retry_after", "setting_types", "settings", "single_flight"},
        *{"transport", "web"},
    },
    "logs": {"library_seams", "readable", "telemetry"},
    "markup": set(),
    "memory": set(),
    "message": {"sender", "telemetry"},
    "metrics": {"metrics", "telemetry"},
    "operator": {
        *{"", "cli", "errors", "listening", "logs", "markup", "operator", "sender", "settings"},
        *{"telemetry", "transport"},
    },
    "outbound": {
        *{"errors", "identity", "outbound", "retry_after"},
        *{"settings", "single_flight", "transport"},
    },
    "prompts": {
        *{"client", "entities", "errors", "identity", "prompts", "rendering", "resilience", "resources"},
        "tools",
    },
    "readable": set(),
    "rendering": {"entities", "rendering"},
    "resilience": {"errors", "resilience", "unread"},
    "resources": {
        *{"client", "entities", "errors", "identity", "message", "metrics", "rendering", "resilience"},
        *{"resources", "tools"},
    },
    "retry_after": set(),
    "rings": {"keyring", "settings", "uses"},
    "sender": set(),
    "setting_types": {"environment", "keyring"},
    "settings": {"environment", "keyring", "listening", "setting_types", "uses"},
    "single_flight": set(),
    "sources": {"auth", "keyring", "login", "settings", "web"},
    "supervision": {"environment", "listening", "readable", "supervision"},
    "telemetry": {"sender", "settings", "telemetry"},
    "tools": {
        *{"choice", "client", "entities", "errors", "identity", "message", "metrics"},
        *{"rendering", "resilience", "telemetry", "tools"},
    },
    "transport": {"errors", "keyring", "settings", "transport", "unread", "uses"},
    "unread": {"message"},
    "uses": {"keyring"},
    "uvicorn_server": {"connections", "library_seams", "listening", "memory", "metrics", "web", ""},
    "web": {
        *{"auth", "choice", "identity", "library_seams", "memory", "message", "metrics", "resilience"},
        *{"single_flight", "telemetry", "web"},
    },
}
LIBRARIES: dict[str, set[str]] = {
    "choice": set(),
    "client": {"pydantic", "pydantic_core"},
    "entities": {"pydantic", "pydantic_core"},
    "environment": set(),
    "errors": set(),
    "identity": {"fastmcp"},
    "keyring": set(),
    "listening": set(),
    "logs": set(),
    "markup": set(),
    "message": set(),
    "metrics": {"prometheus_client", "starlette"},
    "operator": {"httpx", "prometheus_client"},
    "http_clients": {"httpx"},
    "outbound": {"cachetools", "httpx", "pydantic"},
    "rendering": {"pydantic", "pydantic_core"},
    "resilience": set(),
    "retry_after": set(),
    "sender": {"fastmcp", "mcp", "starlette"},
    "setting_types": {"pydantic", "pydantic_settings"},
    "settings": {"pydantic", "pydantic_core", "pydantic_settings"},
    "single_flight": set(),
    "supervision": set(),
    "transport": {"httptools", "httpx"},
    "uses": set(),
}
"""Libraries beside the standard one, for the parts that must not know more."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            base = node.module or ""
            names |= {f"{base}.{alias.name}" for alias in node.names} if base == "toolbridge_mcp" else {base}
    return names


def test_every_part_has_a_row() -> None:
    assert {part_of(path) for path in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_row_allows(path: Path) -> None:
    imports = imports_of(path)
    own = {name.split(".")[1] for name in imports if name.startswith("toolbridge_mcp.")}
    assert own - {"__version__"} <= MAY_IMPORT[part_of(path)]
    if part_of(path) in LIBRARIES:
        foreign = {name.split(".")[0] for name in imports} - set(sys.stdlib_module_names) - {"toolbridge_mcp"}
        assert foreign <= LIBRARIES[part_of(path)]


def test_the_package_folder_does_not_shadow_the_mcp_library() -> None:
    assert not (PACKAGE.parent / "__init__.py").exists()
