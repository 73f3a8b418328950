"""Each alert can be understood by somebody who is woken by it."""

import re
import tomllib
from inspect import isclass

import pytest

from tests.grafana.panels import ROWS
from tests.grafana.rules import FOLDER, Alert, alerts, names_of_tests
from tests.harness.processes import REPOSITORY
from toolbridge_mcp import errors
from toolbridge_mcp.operator.state import OURS

RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()
SECTION = RUNBOOK.partition("\n## Alerts\n")[2].partition("\n## ")[0]
ALERTS = alerts()
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


@each_alert
def test_an_alert_says_how_urgent_it_is_and_what_it_means(alert: Alert) -> None:
    assert alert.severity in {"critical", "warning", "info"}
    assert alert.says.keys() == {"summary", "description", "runbook_url"}
    assert alert.says["runbook_url"] == f"docs/runbook.md#{alert.name.lower()}"
    assert "{{" in alert.says["summary"] or "absent" in alert.query


def test_the_runbook_says_what_to_do_about_each_in_the_same_order() -> None:
    assert re.findall(r"^### (\w+)$", SECTION, re.MULTILINE) == [alert.name for alert in ALERTS]


def test_each_is_tested_by_promtool() -> None:
    assert {alert.name for alert in ALERTS} <= set(names_of_tests())


def test_the_runbook_names_panels_and_alerts_that_there_are() -> None:
    panels = {panel.title for row in ROWS.values() for panel in row}
    for named in re.findall(r"(?<!\*)\*([^*]+)\*", SECTION):
        title = " ".join(named.split())
        assert any(panel.startswith(title) for panel in panels), title
    known = {alert.name for alert in ALERTS}
    for page in (SECTION, (FOLDER / "README.md").read_text()):
        assert set(re.findall(r"ToolBridge[A-Z]\w+", page)) <= known


@each_alert
def test_outcomes_that_a_rule_names_are_errors_of_the_gateway(alert: Alert) -> None:
    known = {name for name, value in vars(errors).items() if isclass(value)}
    for named in re.findall(r'toolbridge_calls_total\{outcome=~?"([\w|]+)"', alert.query):
        assert set(named.split("|")) <= known


def test_the_page_and_the_alert_know_the_same_failures_that_are_no_callers_fault() -> None:
    (alert,) = (alert for alert in ALERTS if alert.name == "ToolBridgeCallsFail")
    (named,) = re.findall(r'outcome=~"([\w|]+)"', alert.query)
    assert set(named.split("|")) == OURS


def test_the_memory_is_four_fifths_of_what_the_machine_has() -> None:
    (machine,) = tomllib.loads((REPOSITORY / "fly.toml").read_text())["vm"]
    (alert,) = (alert for alert in ALERTS if alert.name == "ToolBridgeMemoryNearLimit")
    megabytes = int(machine["memory"].removesuffix("mb"))
    assert alert.query.endswith(f"> {megabytes * 1024 * 1024 * 8 // 10}")
