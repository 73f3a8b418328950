"""The texts of the pages are in one table, and say what they are asked to."""

import ast
import re
from pathlib import Path

import pytest

from tests.harness.processes import GATEWAY_FOLDER
from toolbridge_mcp.login.pages.texts import TEXTS, say, say_with, span
from toolbridge_mcp.markup import tag

PAGES = GATEWAY_FOLDER / "toolbridge_mcp/login/pages"
MADE = {
    "consent.to.": ("site", "device", "app"),
    "consent.": ("both", "read", "write", "both.hint", "read.hint", "write.hint"),
    "done.": ("disconnected", "gone", "password_set", "password_changed"),
    "nav.": ("connections", "password", "sign_out"),
    "invitation.": ("title", "text", "submit"),
    "reset.": ("title", "text", "submit"),
}
"""Keys that are put together where they are used, by their beginnings."""


def strings(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_text_is_used_and_none_is_missing() -> None:
    others = PAGES.parent / "proxy/pages.py"
    modules = [others, *(path for path in PAGES.glob("*.py") if path.name != "texts.py")]
    used = set().union(*(strings(path) for path in modules), {"wait.soon", "wait.seconds", "wait.minutes"})
    made = {f"{beginning}{end}" for beginning, ends in MADE.items() for end in ends}
    assert set(TEXTS) - used - made == set()
    assert made - set(TEXTS) == set()


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.py")), ids=lambda path: path.name)
def test_no_page_has_a_text_of_its_own(path: Path) -> None:
    if path.name == "texts.py":
        return
    tree = ast.parse(path.read_text())
    said = [
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "tag"
        for argument in call.args[1:]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    assert [text for text in said if re.search(r"[A-Za-z]", text)] == []


def test_what_fills_a_place_is_escaped_unless_it_is_markup() -> None:
    assert say_with("consent.to.site", host="<i>") == "the site &lt;i&gt;"
    assert say_with("consent.to.site", host=tag("b", "<i>")) == "the site <b>&lt;i&gt;</b>"
    assert say("who", shown="Ann {name}", name="ann") == "Signed in as Ann {name} (ann)"


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (None, "a moment"),
        (1, "a moment"),
        (2, "2 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (900, "15 minutes"),
    ],
)
def test_a_time_to_wait_is_rounded_up(seconds: int | None, says: str) -> None:
    assert span(seconds) == says
