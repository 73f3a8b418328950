"""Writes `docs/gateway-settings.md` from the declared settings; with `--check` it only compares."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.setting_types import Kind, Rate
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.uses import PREFIX

FILE = REPOSITORY / "docs/gateway-settings.md"

SECTIONS = {
    "tenant_id": "Tenant and tokens",
    "login": "Signing in",
    "scope_read": "What callers may do",
    "public_url": "Addresses",
    "machine_id": "Sessions",
    "drain_seconds": "The process",
    "outbound_identity": "Whose token the API receives",
    "call_seconds": "Calls",
    "metrics_host": "Metrics",
}
"""The heading in front of a field; the fields that follow belong to it."""

HEAD = """# Settings of the gateway

Written by `scripts/generate.sh settings` from `mcp/toolbridge_mcp/settings.py`.

The gateway reads these environment variables once, when it starts. If one of them is wrong, or set but
empty, it does not start, and the message names the variable. A likely misspelling of a name stops the start
too. Words, hosts, addresses and origins are separated by spaces or commas. If a row has two names, the first
one wins. The second one is the name under which the API reads the same value
([configuration.md](configuration.md)), or under which Fly.io sets it.
"""
TABLE = """
| variable | value | default | meaning |
|---|---|---|---|
"""


def render() -> str:
    text = HEAD
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            text += f"\n## {SECTIONS[name]}\n{TABLE}"
        cells = ("<br>".join(f"`{variable}`" for variable in variables_of(name, field)), kind_of(field))
        text += f"| {' | '.join((*cells, _default_cell(field), _meaning(name, field)))} |\n"
    return text


def variables_of(name: str, field: FieldInfo) -> list[str]:
    """The environment variables of a setting; the first one wins."""
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [f"{PREFIX}{name.upper()}"]


def default_of(field: FieldInfo) -> str:
    """The default as an operator would write it; empty if there is none."""
    match field.default:
        case bool():
            return str(field.default).lower()
        case Rate(per_minute, burst):
            return f"{per_minute}:{burst}"
        case str() | int():
            return str(field.default)
        case tuple():
            return ",".join(field.default)
    return ""


def kind_of(field: FieldInfo) -> str:
    """The type in plain words, with its bounds."""
    for entry in reversed(field.metadata):
        if isinstance(entry, Kind):
            return entry.words
    return next(_plain_kinds(field.annotation, field.metadata))


def _plain_kinds(annotation: Any, metadata: Iterable[object]) -> Iterator[str]:
    for kind in (annotation, *get_args(annotation)):
        if get_origin(kind) is Literal:
            yield " or ".join(f"`{word}`" for word in get_args(kind))
        elif kind is bool:
            yield "`true` or `false`"
        elif kind is str:
            yield "text"
        elif kind in (int, float):
            yield f"{'whole number' if kind is int else 'number'}{_bounds(metadata)}"


def _bounds(metadata: Iterable[object]) -> str:
    least = most = ""
    for entry in metadata:
        match entry:
            case Ge(bound):
                least = str(bound)
            case Gt(bound):
                least = f"above {bound}"
            case Le(bound):
                most = str(bound)
    if most:
        return f", {least} to {most}"
    return f", at least {least}" if least else ""


def _default_cell(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = default_of(field)
    return f"`{default}`" if default else "unset"


def _meaning(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise ValueError(f"the setting {name} has no docstring")
    return " ".join(field.description.split())


def main() -> int:
    text = render()
    if "--check" not in sys.argv:
        FILE.write_text(text)
        return 0
    if FILE.exists() and FILE.read_text() == text:
        return 0
    sys.stderr.write(f"{FILE.name} is out of date: run scripts/generate.sh settings and review the change\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
