"""The calls that the documents show get the answers that the documents show."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from tests.examples import agents_page, documents, tools_page
from tests.examples.fixed import Fixed, fixed_uid
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


UID = "71e6e170-fa57-53ec-9554-d61dfcce62e1"


def test_an_answer_of_another_day_is_shown_as_on_the_day_of_the_examples() -> None:
    fixed = Fixed(date(2027, 3, 1), uids=[UID])
    shown = fixed.of_run(
        f"Monday 2027-03-01, 21:12 UTC. {UID} at 2027-03-01T21:12:05.04Z, chat:71e6e170 due 2027-03-03, "
        'made 2020-01-31. More: cursor="MTc5NTY4MDAwMDAw", since="j12.9e1f"'
    )
    uid = fixed_uid("made 0")
    assert shown == (
        f"Thursday 2026-11-26, 09:00 UTC. {uid} at 2026-11-26T09:00:00Z, chat:{uid[:8]} due 2026-11-28, "
        'made 2020-01-31. More: cursor="MTc5NTY4", since="j12.5f0c2a"'
    )
    assert fixed.to_run("due 2026-11-28") == "due 2027-03-03"


def test_the_page_of_the_tools_has_all_of_them_and_is_not_too_long() -> None:
    page = tools_page.FILE.read_text()
    assert all(f"# `{name}`\n" in page for name in TOOLS)
    assert len(page.splitlines()) <= MOST_LINES
