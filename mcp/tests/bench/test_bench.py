"""The measurements run, and say what they should. How long anything takes is no test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.figures import API, FASTMCP, OURS
from tests.harness.both_ways import FOLDER
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
    # A bench measures the gateway itself, not one that records its calls.
    environment = {name: value for name, value in os.environ.items() if name != FOLDER}
    done = subprocess.run(
        command, cwd=GATEWAY_FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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


@pytest.mark.programs
def test_what_tells_about_a_call_is_measured_each_alone_and_no_call_fails(
    program: Path, api_binary: Path, tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    options = ["--rounds", 1, "--seconds", 0.3, "--sessions", 2, "--json", file]
    printed = run("telemetry", *options, "--api", api_binary, "--load", program)
    measured = json.loads(file.read_text())
    assert {each["load"] for each in measured} == {"get", "patch"}
    for each in measured:
        assert each["rounds"][0]["errors"] == {}, each["rounds"][0]["examples"]
        assert each["rounds"][0]["calls"] > 0
        assert f"| {each['variant']} |" in printed
    names = [each["variant"] for each in measured if each["load"] == "get"]
    assert {"everything off", "log lines", "metrics", "Server-Timing", "journal"} <= set(names)


def test_what_a_signature_costs_is_measured_and_no_call_fails(
    program: Path, api_binary: Path, tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    options = ["--rounds", 2, "--seconds", 0.3, "--sessions", 2, "--json", file]
    printed = run("signatures", *options, "--api", api_binary, "--load", program)
    measured = json.loads(file.read_text())
    assert {(each["load"], each["version"]) for each in measured["calls"]} == {
        (what, version) for what in ("get", "patch") for version in ("v1", "v2")
    }
    for each in measured["calls"]:
        for one in each["rounds"]:
            assert one["errors"] == {}, one["examples"]
            assert one["calls"] > 0
    assert len(measured["in_a_row"]) == 3
    assert all(f"| {name} |" in printed for name in measured["in_a_row"])


def test_a_soak_with_a_kill_loses_nothing_that_was_acknowledged(program: Path, api_binary: Path) -> None:
    options = ["0.2", "--kill-every", 5, "--sessions", 2, "--api", api_binary, "--load", program]
    printed = run("soak", *options)
    assert "| acknowledged creations that are lost | at most 0 | 0 | reached |" in printed
    assert "| failures apart from kills | at most 0 | 0 | reached |" in printed
    assert "| creations stored twice | at most 0 | 0 | reached |" in printed
    assert "| kills | 0 |" not in printed
    assert "| creations acknowledged | 0 |" not in printed
