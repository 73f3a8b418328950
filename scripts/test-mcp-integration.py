#!/usr/bin/env python3
"""Tests a gateway end to end, and ends with the line "N passed, N failed".

    test-mcp-integration.py [--url URL --token TOKEN]

With an address, only the journeys run that need nothing but a gateway. They write items as the token's user
and delete them in the end: use a user made for this. Without an address all journeys run, on a stack of their
own, which needs the API's binary in TOOLBRIDGE_API_BINARY, or Go. Both need the packages of scripts/test.sh.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
"""The Python with the packages, which scripts/test.sh installs."""


class Totals:
    """A plugin of pytest that counts. A test that was skipped or could not be set up counts as failed."""

    def __init__(self) -> None:
        self.outcomes: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.outcomes[report.nodeid] = report.passed and self.outcomes.get(report.nodeid, True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="address of a gateway, such as https://tenant.example")
    parser.add_argument("--token", help="token of a user there")
    given = parser.parse_args()
    if bool(given.url) != bool(given.token):
        parser.error("--url and --token belong together")
    if importlib.util.find_spec("pytest") is None and PYTHON.exists():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606  the same program by another Python
    if given.url:
        os.environ |= {"TOOLBRIDGE_TEST_URL": given.url, "TOOLBRIDGE_TEST_TOKEN": given.token}
    return run()


def run() -> int:
    import pytest

    os.chdir(ROOT / "mcp")
    totals = Totals()
    code = pytest.main(["tests/journeys", "-m", "e2e"], plugins=[totals])
    passed = sum(totals.outcomes.values())
    failed = len(totals.outcomes) - passed
    if code and not failed:
        failed = 1  # such as files that cannot be read
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
