"""The texts that operators and models can read, taken from the code: log messages and errors."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.errors import ToolBridgeError

PACKAGE = REPOSITORY / "mcp/toolbridge_mcp"
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
SUPERVISION_LOGS = {"_say", "_fail", "line"}
"""The functions of `supervision/` that write a log line. It has no logger."""

GO_TEXT = r"""((?:"(?:[^"\\]|\\.)*"(?:\s*\+\s*)?)+)"""
GO_LOG = re.compile(
    r"(?:\b[lL]og\.(?:(?:Debug|Info|Warn|Error)\(|LogAttrs\([^\"\n]*)|\bmessage\b[^\"\n=]*=[^\"\n]*)"
    + GO_TEXT
)
GO_ERROR = re.compile(r"\b(?:errors\.New|fmt\.Errorf)\(" + GO_TEXT)


def log_messages() -> set[str]:
    """Every message that one of the two programs or their supervision logs, whole."""
    python = {text for path in PACKAGE.glob("**/*.py") for text in logged_by_python(path)}
    return python | set(go_texts(GO_LOG))


def logged_by_python(path: Path) -> Iterator[str]:
    """The last string that each logging call is given by position."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and logs(node.func, path):
            values = [value.value for value in node.args if isinstance(value, ast.Constant)]
            yield from [value for value in values if isinstance(value, str)][-1:]


def logs(function: ast.expr, path: Path) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id="logger"), attr=name):
            return name in LOG_METHODS
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in SUPERVISION_LOGS and path.parent.name == "supervision"
    return False


def api_error_clauses() -> set[str]:
    """The errors of the API, cut where a value is filled in and where a comma, colon or semicolon stands."""
    clauses = {clause for text in go_texts(GO_ERROR) for clause in re.split(r"%\w|[,:;]", text)}
    return {clause.strip() for clause in clauses} - {""}


def go_texts(call: re.Pattern[str]) -> Iterator[str]:
    for path in REPOSITORY.glob("api/**/*.go"):
        if not path.name.endswith("_test.go"):
            for text in call.findall(path.read_text()):
                yield "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def tool_error_clauses() -> set[str]:
    """What models read of failed calls: sentences without their full stop, and their parts around a colon or
    a bracket."""
    sentences = {error.says.removesuffix(".") for error in kinds_of(ToolBridgeError)}
    return sentences | {clause.strip() for sentence in sentences for clause in re.split(r"[:(]", sentence)}


def tool_errors(**facts: str) -> list[str]:
    """What models read of each kind of failed call, with these facts."""
    return [error().with_facts(**facts).text() for error in kinds_of(ToolBridgeError)]


def kinds_of(error: type[ToolBridgeError]) -> Iterator[type[ToolBridgeError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)
