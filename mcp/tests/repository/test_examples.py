"""The calls that the documents show get the answers that the documents show."""

import asyncio
from pathlib import Path

import pytest

from tests.examples import agents_page, documents, tools_page
from tests.harness.published import TOOLS

pytestmark = pytest.mark.slow

MOST_LINES = 1_200
"""Above that, nobody reads the page of the tools."""


@pytest.fixture(scope="module")
def written() -> dict[Path, str]:
    return asyncio.run(documents.written())


@pytest.mark.parametrize("file", [tools_page.FILE, agents_page.FILE], ids=lambda file: file.name)
def test_the_page_is_what_the_programs_make_it(file: Path, written: dict[Path, str]) -> None:
    assert file.read_text() == written[file], "run scripts/generate.sh examples and review the change"


def test_the_page_of_the_tools_has_all_of_them_and_is_not_too_long() -> None:
    page = tools_page.FILE.read_text()
    assert all(f"# `{name}`\n" in page for name in TOOLS)
    assert len(page.splitlines()) <= MOST_LINES
