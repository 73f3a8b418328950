"""Each test prints a table, which shows a person what clients see: run them with scripts/test.sh trouble."""

import logging

import pytest


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """A test that passed prints no dot into its table."""
    return ("passed", "", "") if report.when == "call" and report.passed else None


@pytest.fixture(scope="session", autouse=True)
def no_word_of_sessions_that_end() -> None:
    """The SDK logs each, and here they end by the dozen."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
