"""The documents agree with the code."""

import contextlib
import re
from pathlib import Path

import click
import pytest

from tests.harness.processes import REPOSITORY
from tests.repository.settings_document import default_of, render, variables_of
from toolbridge_mcp.cli.connect import CLIENTS
from toolbridge_mcp.cli.main import HELP, toolbridge
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.settings import Settings

DOCUMENTS = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(REPOSITORY.glob("docs/**/*.md")),
    REPOSITORY / "mcp/README.md",
]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target, _, anchor in re.findall(r"\]\((?!https?://)([^)#]*)(#?)([^)]*)\)", document.read_text()):
        page = document.parent / target if target else document
        assert page.exists(), target
        assert not anchor or anchor in anchors_of(page), f"{target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_says_why_and_what_was_given_up() -> None:
    text = (REPOSITORY / "docs/decisions.md").read_text()
    decisions = text.split("\n### ")[1:]
    assert decisions
    for decision in decisions:
        title, _, body = decision.partition("\n")
        parts = re.findall(r"^\*\*(.*?)\.\*\*", body, re.MULTILINE)
        assert parts == ["What", "Why", "Given up"], title


ROOTS = ("", "mcp", "mcp/toolbridge_mcp", "api/internal")
"""Paths in the documents are relative to the repository, or to one of the two programs."""

OF_THE_READER = (".vscode/", "~/", "/", "tenants/")


@each_document
def test_named_scripts_and_files_exist(document: Path) -> None:
    text = document.read_text()
    created = set(re.findall(r"^Create `(.+?)`", text, re.MULTILINE))
    for name in re.findall(r"(?:`|\./|\s)([~\w./-]+/[\w.-]+\.(?:py|go|sh|md|json|toml|conf))\b", text):
        places = [document.parent / name, *(REPOSITORY / root / name for root in ROOTS)]
        if name not in created and not name.startswith(OF_THE_READER):
            assert any(place.exists() for place in places), name


TEST_SCRIPT = REPOSITORY / "scripts/test.sh"
COMMAND = re.compile(
    r"(?:^|`|\"|&& )(?:[A-Z_]+=\S+ )*toolbridge((?: (?:\\\n *)?[\w./:?=\[\]-]+)*)", re.MULTILINE
)


@each_document
def test_shown_commands_are_commands_of_toolbridge(document: Path) -> None:
    for shown in COMMAND.findall(document.read_text()):
        words = shown.replace("\\\n", " ").split()
        check_command(toolbridge, "toolbridge", words)


def check_command(command: click.Command, name: str, words: list[str]) -> None:
    """Raises `click.UsageError` for words that the command does not take. Nothing is run."""
    if isinstance(command, click.Group) and words and words[0] not in {"--help", "--version"}:
        assert words[0] in command.commands, f"{name} has no command {words[0]}"
        check_command(command.commands[words[0]], f"{name} {words[0]}", words[1:])
    elif words:
        with contextlib.suppress(click.exceptions.Exit):
            command.make_context(name, words, help_option_names=HELP["help_option_names"])


def trouble_names() -> list[str]:
    """The names from which `scripts/test.sh trouble NAME` selects: those of files and of their tests."""
    files = list((REPOSITORY / "mcp/tests/trouble").glob("test_*.py"))
    tests = [re.findall(r"def (test_\w+)", path.read_text()) for path in files]
    return [path.stem for path in files] + [name for names in tests for name in names]


@each_document
def test_shown_parts_of_the_tests_exist(document: Path) -> None:
    (parts,) = re.findall(r"^Usage: scripts/test.sh \[(.*)\]$", TEST_SCRIPT.read_text(), re.MULTILINE)
    for part, name in re.findall(r"scripts/test\.sh (\w+)(?: (\w+))?", document.read_text()):
        assert part in parts.split()
        assert part != "trouble" or any(name in shown for shown in trouble_names()), name


def test_the_clients_are_configured_as_connect_prints() -> None:
    text = (REPOSITORY / "docs/clients.md").read_text()
    url = "https://tenant.example"
    for name, client in CLIENTS.items():
        assert f"\n{client.configuration(url, 'TOKEN')}\n```" in text, name


def test_the_architecture_names_every_part_of_the_gateway() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text()
    _, _, table = page.partition("## Parts of the gateway")
    named = set(re.findall(r"^\| `(\w+)/` \|", table, re.MULTILINE))
    package = REPOSITORY / "mcp/toolbridge_mcp"
    assert named == {path.parent.name for path in package.glob("*/__init__.py")}


GATEWAY_DEFAULTS = {
    variable: default_of(field)
    for name, field in Settings.model_fields.items()
    for variable in variables_of(name, field)
}
STACK_DEFAULTS = {"API_PORT": "8081", "TOOLBRIDGE_DATA_DIR": ".toolbridge/data"}
"""Settings that neither program reads: the commands that start both make others from them."""

NO_SETTINGS = {
    *("TOOLBRIDGE_TOKEN", "TOOLBRIDGE_API_BINARY", "TOOLBRIDGE_TEST_BOTH_WAYS", "TOOLBRIDGE_TEST_LOGS"),
    *("TOOLBRIDGE_FLEET_SECRET", "TOOLBRIDGE_JWT_TOKEN", "TOOLBRIDGE_MAX_TIMESTAMP_SKEW_SECONDS"),
}
"""Other variables: a user's token, for a client or the doctor; the API's binary and a folder for records, for
the tests; the operator's own secret, for `toolbridge tenant`; and two that only the first generation's
gateway had."""


def api_defaults() -> dict[str, str]:
    """The API's settings, from the page that a test of its own compares with the code."""
    page = (REPOSITORY / "docs/configuration.md").read_text()
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (?:none|`(.+?)`) \|", page, re.MULTILINE)
    assert rows
    return dict(rows)


def shown_defaults() -> dict[str, str]:
    """The settings of `.env.example`, each with the value behind its name."""
    text = (REPOSITORY / ".env.example").read_text()
    return dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))


def test_the_example_shows_every_setting_with_its_default() -> None:
    shown = shown_defaults()
    known = STACK_DEFAULTS | GATEWAY_DEFAULTS | api_defaults()
    assert shown == {name: known.get(name) for name in shown}
    assert set(api_defaults()) <= set(shown)
    for name, field in Settings.model_fields.items():
        assert set(variables_of(name, field)) & set(shown), name


def test_the_stack_has_the_defaults_that_the_example_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in STACK_DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    stack = Stack.from_environment()
    data = stack.data.relative_to(REPOSITORY)
    assert {"API_PORT": str(stack.api_port), "TOOLBRIDGE_DATA_DIR": str(data)} == STACK_DEFAULTS


@each_document
def test_a_document_names_only_settings_that_there_are(document: Path) -> None:
    known = STACK_DEFAULTS.keys() | GATEWAY_DEFAULTS.keys() | api_defaults().keys() | NO_SETTINGS
    text = document.read_text()
    for name, others in re.findall(r"`((?:TOOLBRIDGE|JWT|TENANT|API)_[A-Z0-9_]+)(\.\.\.)?", text):
        assert name in known or (others and any(setting.startswith(name) for setting in known)), name


def test_the_page_of_the_gateways_settings_is_the_one_in_review() -> None:
    page = (REPOSITORY / "docs/gateway-settings.md").read_text()
    assert page == render(), "run scripts/generate.sh settings and review the change"
