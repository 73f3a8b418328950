"""The measurements run, and say what they should. How long anything takes is no test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench import figures, load, plot, report, soak
from tests.bench.figures import API, FASTMCP, OURS, TARGETS, Figures
from tests.harness.processes import GATEWAY_FOLDER, REPOSITORY


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """toolbridge-load."""
    binary = tmp_path_factory.mktemp("load") / "toolbridge-load"
    build = ["go", "build", "-o", str(binary), "./cmd/toolbridge-load"]
    subprocess.run(build, cwd=REPOSITORY / "api", check=True)
    return binary


def run(module: str, *options: object) -> str:
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, options)]
    done = subprocess.run(command, cwd=GATEWAY_FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_comparison_of_the_gateway_runs_and_no_call_fails(
    program: Path, api_binary: Path, tmp_path: Path
) -> None:
    file, picture = tmp_path / "figures.json", tmp_path / "plot.svg"
    options = [
        "--rounds",
        1,
        "--seconds",
        0.3,
        "--sessions",
        "2",
        "--loads",
        "get,mix",
        "--only",
        "over SSE,ours",
    ]
    printed = run(
        "gateway", *options, "--json", file, "--svg", picture, "--api", api_binary, "--load", program
    )
    measured = json.loads(file.read_text())["measurements"]
    assert {(each["load"], each["server"]) for each in measured} >= {
        (what, server)
        for what in ("get", "mix")
        for server in (API, OURS, "ours over /mcp", "ours over 2026-07-28", FASTMCP)
    }
    for each in measured:
        assert each["rounds"][0]["errors"] == {}, each["rounds"][0]["examples"]
        assert each["calls_per_second"] > 0
        assert each["server"] == API or each["pss_mb"] > 20
        assert f"| {each['server']} |" in printed
    assert "| errors | at most 0 | 0 | reached |" in printed
    ElementTree.fromstring(picture.read_text())  # noqa: S314  our own text


@pytest.mark.slow
def test_a_soak_with_a_kill_loses_nothing_that_was_acknowledged(program: Path, api_binary: Path) -> None:
    options = ["0.2", "--kill-every", 5, "--sessions", 2, "--api", api_binary, "--load", program]
    printed = run("soak", *options)
    assert "| of these not stored (lost) | 0 |" in printed
    assert "| failures apart from kills | 0 |" in printed
    assert "| kills | 0 |" not in printed
    assert "| creations acknowledged | 0 |" not in printed


def measured(calls: int, gateway: float, **more: Any) -> dict[str, Any]:
    used = {"used_seconds": {"gateway": gateway, "api": 0.1}, "own_share": 0.1, "own_us_per_call": 20.0}
    took = {"seconds": 2.0, "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0}
    return {"calls": calls, "errors": {}, "examples": {}, **took, **used, **more}


def test_ratios_are_medians_of_those_of_each_round() -> None:
    found = Figures()
    for number, (ours, theirs) in enumerate([(0.1, 1.0), (0.4, 2.0), (9.0, 10.0)]):
        found.add(number, "get", 10, OURS, measured(1000, ours))
        found.add(number, "get", 10, FASTMCP, measured(1000, theirs))
    assert found.to_fastmcp("get", 10, OURS) == pytest.approx(0.2)
    assert found.median("get", 10, OURS, figures.GATEWAY) == pytest.approx(400)
    assert found.ratio("get", 10, OURS, API, figures.GATEWAY) is None


@pytest.mark.parametrize(("used", "verdict"), [(0.1, "reached"), (0.2, "missed by 100%")])
def test_a_target_is_reached_or_missed_by_a_share(used: float, verdict: str) -> None:
    found = Figures()
    found.add(0, "get", 10, OURS, measured(1000, used))
    found.add(0, "get", 10, FASTMCP, measured(1000, 1.0))
    assert TARGETS[0].verdict(found) == verdict
    assert TARGETS[3].verdict(found) == "not measured"


def test_a_failed_call_is_reported_and_misses_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    found = Figures()
    failed = {"errors": {"isError": 2}, "examples": {"isError": "why"}}
    found.add(0, "get", 10, OURS, measured(1000, 1.0, **failed))
    report.write(found)
    printed = capsys.readouterr().out
    assert f"{OURS}: isError: 2 times, such as why" in printed
    assert "| errors | at most 0 | 1 | missed |" in printed


def test_the_picture_has_a_bar_and_a_label_for_each_server() -> None:
    found = Figures()
    found.add(0, "get", 10, OURS, measured(1000, 0.5))
    found.add(0, "get", 10, "a <peer>", measured(1000, 1.0))
    picture = ElementTree.fromstring(plot.svg(found))  # noqa: S314  our own text
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(bar.attrib["width"]) for bar in picture.iter(f"{space}rect")]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert {OURS, "a <peer>", "500", "1,000"} <= {text.text for text in picture.iter(f"{space}text")}


def test_the_mix_has_as_many_of_each_operation_everywhere() -> None:
    user = load.Session("token", "uid")
    for way, tools in (("rest", load.our_call), ("sse", load.our_call), ("session", load.plain_call)):
        calls = load.Target("any", "http://127.0.0.1:1", way, [user], tools).calls("mix", "uid")
        assert len(calls) == len(load.MIXED) == len({json.dumps(call) for call in calls})


def test_a_gap_counts_from_the_kill() -> None:
    gaps: list[dict[str, float]] = [
        {"session": -1, "from": 99.9, "to": 100.4},
        {"session": 3, "from": 90.0, "to": 101.0},
        {"session": -1, "from": 200.0, "to": 230.0},
    ]
    assert soak.longest_gap(gaps, 100, only_all=True) == pytest.approx(0.4)
    assert soak.longest_gap(gaps, 100, only_all=False) == pytest.approx(1)
    assert soak.longest_gap(gaps, 150, only_all=True) == 0
