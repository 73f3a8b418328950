"""Runs the journeys, and ends with the line "N passed, N failed": scripts/test-mcp-integration.py --help.

With an address, only the journeys run that need nothing but a gateway. They write items as the token's user
and delete them in the end: use a user made for this. Without an address all journeys run, on a stack of their
own, which needs the API's binary in TOOLBRIDGE_API_BINARY, or Go.
"""

import argparse
import os
import sys
from pathlib import Path

import pytest

from tests.journeys.address import TOKEN, URL

FOLDER = Path(__file__).parent


class Totals:
    """A plugin of pytest that counts. A test that was skipped or could not be set up counts as failed."""

    def __init__(self) -> None:
        self._passed: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._passed[report.nodeid] = report.passed and self._passed.get(report.nodeid, True)

    def of(self, code: int) -> tuple[int, int]:
        """How many passed and failed. A run that ended badly has at least one failure."""
        passed = sum(self._passed.values())
        return passed, max(len(self._passed) - passed, int(code != 0))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="test-mcp-integration.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", help="address of a gateway, such as https://tenant.example")
    parser.add_argument("--token", help="token of a user there")
    given = parser.parse_args()
    if bool(given.url) != bool(given.token):
        parser.error("--url and --token belong together")
    if given.url:
        os.environ |= {URL: given.url, TOKEN: given.token}
    totals = Totals()
    code = pytest.main([str(FOLDER), "-m", "e2e"], plugins=[totals])
    passed, failed = totals.of(code)
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
