"""The documents quote log messages and errors as they are."""

import re

import pytest

from tests.harness.processes import REPOSITORY
from tests.repository.quotable import api_error_clauses, log_messages, tool_error_clauses, tool_errors
from toolbridge_mcp.transport import signer

RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()
QUICKSTART = (REPOSITORY / "docs/quickstart.md").read_text()
AGENTS = (REPOSITORY / "docs/agents.md").read_text()


def first_cells(section: str) -> list[str]:
    """The first column of the table in a section, without its head."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)[1:]


def code_in(cells: list[str]) -> list[str]:
    return [quoted for cell in cells for quoted in re.findall(r"`([^`]+)`", cell)]


MESSAGES = [code_in([cell])[0] for cell in first_cells("Log messages")]
ERRORS_IN_LOGS = re.findall(r", with `([^`]+)`", "\n".join(first_cells("Log messages")))
ERRORS = [*ERRORS_IN_LOGS, *code_in(first_cells("A restore is refused"))]
DISAGREEMENTS = [
    code_in([cell])[0] for cell in first_cells("Gateway and API do not agree about the signature")
]
SCHEMA_ERRORS = [quoted for quoted in code_in(first_cells("Symptoms")) if "schema" in quoted]
READ_BY_MODELS = [
    *re.findall(r'^\| "([^"]+)" \|', RUNBOOK, re.MULTILINE),
    *re.findall(r'^\| a tool says "([^"]+)" \|', QUICKSTART, re.MULTILINE),
]
TO_ACT_ON = [
    quoted
    for row in re.findall(r'^\| (".*?") \|', AGENTS, re.MULTILINE)
    for quoted in re.findall(r'"([^"]+)"', row)
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quoted_message_is_logged(message: str) -> None:
    assert message in log_messages()


@pytest.mark.parametrize("sentence", DISAGREEMENTS)
def test_a_quoted_disagreement_about_signatures_is_the_gateways(sentence: str) -> None:
    said = [
        signer.VANISHED,
        signer.NOT_NAMED,
        signer.ONLY_OTHERS.format(theirs="v2", ours="v1", remedy=""),
        signer.UNKNOWN_KEY.format(key="k2", keys=""),
    ]
    assert any(one.startswith(sentence) for one in said)


@pytest.mark.parametrize("error", ERRORS + SCHEMA_ERRORS)
def test_a_quoted_error_is_one_of_the_api(error: str) -> None:
    clauses = {clause.strip() for clause in re.split(r"\.\.\.|,", error)} - {""}
    assert clauses <= api_error_clauses()


@pytest.mark.parametrize("text", READ_BY_MODELS)
def test_a_quoted_text_is_what_a_model_reads(text: str) -> None:
    assert text in tool_error_clauses()


@pytest.mark.parametrize("part", TO_ACT_ON)
def test_a_quoted_part_is_in_what_models_read_of_an_error(part: str) -> None:
    assert any(part in text for text in tool_errors(word="note", retry_after="…"))
