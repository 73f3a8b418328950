"""Renews the pictures of the sign-in: `python -m tests.login.pages.pictures API_PROGRAM`."""

import sys
import tempfile
from pathlib import Path

from tests.harness.processes import REPOSITORY
from tests.login.pages.deployed import deployed
from tests.login.pages.test_in_a_browser import tour


def main(program: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, deployed(program, Path(folder)) as site:
        tour(site, REPOSITORY / "docs/pictures")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
