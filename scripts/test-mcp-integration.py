#!/usr/bin/env python3
"""Tests a gateway end to end: test-mcp-integration.py --help. The last line is "N passed, N failed"."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
"""The Python with the packages, which scripts/test.sh installs."""

python = str(PYTHON) if PYTHON.exists() else sys.executable
os.chdir(ROOT / "mcp")
# Modules and options of the caller's other projects have no place in these tests.
environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
os.execve(python, [python, "-m", "tests.journeys", *sys.argv[1:]], environment)  # noqa: S606  no shell is wanted
