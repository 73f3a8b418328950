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
os.execv(python, [python, "-m", "tests.journeys", *sys.argv[1:]])  # noqa: S606  no shell is wanted
