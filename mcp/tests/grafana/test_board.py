"""The dashboard is one that Grafana can import, and says what to do."""

import json
import re
from collections import Counter
from typing import Any

from tests.grafana.board import COLUMNS, FILE, written

BOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
SHOWING = [panel for panel in PANELS if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
OF_GRAFANA = {"__rate_interval", "__range"}
UNITS = {"none", "short", "s", "bytes", "Bps", "percentunit", "reqps", "ops"}


def test_it_is_the_one_that_the_panels_describe() -> None:
    assert FILE.read_text() == written(), "run scripts/generate.sh dashboard and review the change"


def test_every_panel_has_an_id_and_a_title_of_its_own() -> None:
    for key in ("id", "title"):
        twice = [value for value, times in Counter(panel[key] for panel in PANELS).items() if times > 1]
        assert not twice, key
    assert BOARD.get("id") is None


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS, panel["title"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_says_what_it_shows_and_what_to_do() -> None:
    for panel in SHOWING:
        assert len(panel["description"]) > 30, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


def test_every_query_asks_the_data_source_that_was_chosen() -> None:
    for panel in SHOWING:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(set(letters)) == len(letters), panel["title"]
        for asking in (panel, *panel["targets"]):
            assert asking["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_variable_is_defined_and_used() -> None:
    assert set(VARIABLES) == {"datasource", "job", "instance"}
    for panel in SHOWING:
        for target in panel["targets"]:
            used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
            assert used <= VARIABLES.keys() | OF_GRAFANA, target["expr"]
            assert {"job", "instance"} <= used, target["expr"]


def test_the_rows_are_those_that_an_operator_looks_for() -> None:
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == [
        "State",
        "Calls",
        "Where the time goes",
        "What it costs a model",
        "Sessions and clients",
        "Refusals and limits",
        "The API",
        "Processes",
    ]
