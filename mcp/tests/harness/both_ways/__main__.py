"""Compares what the tests recorded: `python -m tests.harness.both_ways FOLDER`. Ends with 1 if it differs."""

import sys
from pathlib import Path

from tests.harness.both_ways.replay import compare_all

if __name__ == "__main__":
    table = compare_all(Path(sys.argv[1]))
    sys.stdout.write(f"{table}\n")
    sys.exit(0 if table.is_good else 1)
