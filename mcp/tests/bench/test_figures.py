"""What the measurements make of what they saw."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench import figures, load, plot, profile, report, soak
from tests.bench.figures import API, FASTMCP, OURS, TARGETS, Figures


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


@pytest.mark.parametrize(
    ("frames", "name"),
    [
        (
            "main (/x/mcp/toolbridge_mcp/web/door.py:1);dumps (/usr/lib/python3.11/json/__init__.py:2)",
            "way in",
        ),
        ("run (/x/asyncio/runners.py:1);A.feed (/s/site-packages/uvicorn/protocols/a.py:2)", "connections"),
        (
            "A.feed (/s/site-packages/uvicorn/protocols/a.py:1);A.send (/s/uvicorn/protocols/a.py:2)",
            "way out",
        ),
        ("a (/x/toolbridge_mcp/web/door.py:1);b (/x/toolbridge_mcp/tools/guarded.py:2)", "tool"),
        ("a (/s/site-packages/mcp/server/b.py:1);b (/x/toolbridge_mcp/transport/c.py:2)", "client"),
        ("run (/usr/lib/python3.11/asyncio/runners.py:1)", "event loop"),
    ],
)
def test_a_look_counts_for_the_innermost_part(frames: str, name: str) -> None:
    ((stack, count),) = profile.parsed(f"{frames} 12\n").items()
    assert count == 12
    assert profile.part(stack).startswith(name)
