"""Counts tests for test.sh: count_tests.py junit FILE, or count_tests.py go FILE.

Prints what failed (for Go with its output, which pytest has printed itself), names what was
skipped, and ends with the line "N passed, N failed". A skipped test counts as failed.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    report: list[str] = field(default_factory=list)

    def fail(self, line: str) -> None:
        self.failed += 1
        self.report.append(line)


def junit(path: Path) -> Count:
    count = Count()
    # The file is pytest's own, written a moment ago.
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314
        name = f"{case.get('classname')}::{case.get('name')}"
        outcomes = {child.tag for child in case} & {"failure", "error", "skipped"}
        if not outcomes:
            count.passed += 1
        elif outcomes == {"skipped"}:
            count.fail(f"skipped: {name}")
        else:
            count.fail(f"failed: {name}")
    return count


def go_events(path: Path) -> Iterator[dict[str, str]]:
    """Lines that are not JSON come from the go command itself and count as its output."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        yield event if isinstance(event, dict) else {"Action": "output", "Output": line + "\n"}


Place = tuple[str, str]
"""Package and test; an empty test is the package itself."""


def go(path: Path) -> Count:
    outcomes: dict[Place, str] = {}
    output: dict[Place, list[str]] = defaultdict(list)
    for event in go_events(path):
        # A failed build reports under its import path, before the package it belongs to.
        place = (event.get("Package") or event.get("ImportPath", ""), event.get("Test", ""))
        if event.get("Action") in {"output", "build-output"}:
            output[place].append(event["Output"])
        elif event.get("Action") in {"pass", "fail", "skip", "build-fail"}:
            outcomes[place] = event["Action"]
    return go_count(outcomes, output)


def go_count(outcomes: dict[Place, str], output: dict[Place, list[str]]) -> Count:
    count = Count()
    # A test with subtests only sums them up.
    sums = {(package, test.rpartition("/")[0]) for package, test in outcomes if "/" in test}
    failed_packages = {package for (package, test), outcome in outcomes.items() if test and outcome == "fail"}
    for place, outcome in outcomes.items():
        package, test = place
        name = f"{package}.{test}" if test else package
        shown = "".join(output[place])
        if outcome == "build-fail":
            # The package that could not be built reports its failure as well.
            count.report.append(shown)
        elif outcome == "skip":
            # A package without test files also reports "skip".
            if test:
                count.fail(f"skipped: {name}\n{shown}")
        elif outcome == "pass":
            count.passed += bool(test) and place not in sums
        elif not test and package in failed_packages:
            count.report.append(shown)
        elif place in sums:
            count.report.append(f"failed: {name}\n{shown}")
        else:
            count.fail(f"failed: {name}\n{shown}")
    if not outcomes or (count.failed == 0 and output["", ""]):
        count.report.append("".join(output["", ""]))
    return count


def main() -> None:
    formats: dict[str, Callable[[Path], Count]] = {"junit": junit, "go": go}
    path = Path(sys.argv[2])
    count = formats[sys.argv[1]](path) if path.exists() else Count()
    for line in count.report:
        sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.write(f"{count.passed} passed, {count.failed} failed\n")


if __name__ == "__main__":
    main()
