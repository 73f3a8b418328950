"""The pages on adding something are complete: whoever follows them to the letter has it."""

import sys
from pathlib import Path

import pytest

from tests.repository.following import Copy

pytestmark = pytest.mark.slow

GENERATED = [
    "api/internal/httpapi/testdata/contract.json",
    "mcp/tests/surface/tools.json",
    "docs/tools.md",
]
OF_GO = ["./internal/entity", "./internal/httpapi"]
OF_THE_TABLES = "Table|Row|Contract|Document|Route|Operation|Archive|Action|Path|Verb"
OF_PYTHON = [
    "tests/test_contract.py",
    "tests/tools/test_surface.py",
    "tests/tools/test_operations.py",
    "tests/journeys/test_every_tool.py",
    "tests/resources/test_resources.py::test_every_entity_has_a_template_and_a_list",
]


@pytest.mark.parametrize(
    ("page", "most_places"), [("docs/adding-an-entity.md", 6), ("docs/adding-an-operation.md", 9)]
)
def test_a_page_is_all_that_is_needed(page: str, most_places: int, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    places = copy.follow(page)
    assert 0 < len(places) + len(GENERATED) <= most_places
    agents = (copy.root / "docs/agents.md").read_text()
    copy.generate()
    assert (copy.root / "docs/agents.md").read_text() == agents
    assert copy.shows_every_tool()
    assert "no tests to run" not in copy.run("api", "go", "test", "-run", OF_THE_TABLES, *OF_GO)
    own = [place.removeprefix("mcp/") for place in places if place.startswith("mcp/tests/")]
    # An API that exists already lacks what was added here.
    copy.run("mcp", sys.executable, "-m", "pytest", "-q", "-k", "not (existing and API)", *OF_PYTHON, *own)
