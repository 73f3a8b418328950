"""Writes docs/grafana/toolbridge.json from the panels: python -m tests.grafana.board [--check]"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from tests.grafana.panels import ROWS, WHOSE, Panel
from tests.harness.processes import REPOSITORY

FILE = REPOSITORY / "docs/grafana/toolbridge.json"
COLUMNS = 24
HEIGHTS = {"stat": 4, "timeseries": 8}
SCHEMA = 39
"""That of Grafana 11. Later ones read it, and bring it up to date themselves."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
BUILDS = '{__name__=~"toolbridge_build_info|toolbridge_api_build_info"%s}'


def board() -> dict[str, Any]:
    """The dashboard as Grafana imports it. It has no ids of its own, as Grafana gives it some."""
    return {
        "title": "ToolBridge",
        "uid": "toolbridge",
        "description": "A gateway of ToolBridge and its API: what is slow, dear, failing or suspicious.",
        "tags": ["toolbridge", "mcp"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": list(variables())},
        "annotations": {"list": []},
        "links": [],
        "panels": list(panels()),
    }


def variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    for name, label, matching in (("job", "Job", ""), ("instance", "Instance", ',job=~"$job"')):
        query = f"label_values({BUILDS % matching}, {name})"
        yield {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": SOURCE,
            "definition": query,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def panels() -> Iterator[dict[str, Any]]:
    """Rows from top to bottom, and their panels from left to right."""
    number, top = 0, 0
    for title, row in ROWS.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        }
        top += 1
        left = 0
        for panel in row:
            if left + panel.width > COLUMNS:
                left, top = 0, top + HEIGHTS[panel.shape]
            number += 1
            place = {"x": left, "y": top, "w": panel.width, "h": HEIGHTS[panel.shape]}
            yield {"id": number, "gridPos": place, **drawn(panel)}
            left += panel.width
        top += HEIGHTS[row[-1].shape]


def drawn(panel: Panel) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + place),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": query.replace("$S", WHOSE),
            "legendFormat": legend or "__auto",
            "range": panel.shape == "timeseries",
            "instant": panel.shape != "timeseries",
        }
        for place, (query, legend) in enumerate(panel.queries.items())
    ]
    return {
        "type": panel.shape,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {**looks(panel), **colours(panel)}, "overrides": []},
        "options": OPTIONS[panel.shape],
    }


def looks(panel: Panel) -> dict[str, Any]:
    mapped = {
        value: {"text": text, "index": place} for place, (value, text) in enumerate(panel.words.items())
    }
    mappings = [{"type": "value", "options": mapped}] if mapped else []
    lines = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
    custom = {"custom": lines} if panel.shape == "timeseries" else {}
    return {"unit": panel.unit, "min": 0, "mappings": mappings, **custom}


def colours(panel: Panel) -> dict[str, Any]:
    good, bad = ("red", "green") if panel.above else ("green", "red")
    steps: list[dict[str, Any]] = [{"color": good, "value": None}]
    if panel.alarm is None:
        steps = [{"color": "blue", "value": None}]
    else:
        steps.append({"color": bad, "value": panel.alarm})
    mode = "thresholds" if panel.shape == "stat" else "palette-classic"
    return {"color": {"mode": mode}, "thresholds": {"mode": "absolute", "steps": steps}}


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {"reduceOptions": _LAST, "colorMode": "value", "graphMode": "none", "textMode": "auto"},
    "timeseries": {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}


def written() -> str:
    return json.dumps(board(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    if "--check" in sys.argv:
        return int(FILE.read_text() != written())
    FILE.write_text(written())
    return 0


if __name__ == "__main__":
    sys.exit(main())
