"""`python -m tests.harness.log_search FOLDER`: searches the logs of a run.

It says for how many values it has looked, in how many bytes, and ends with 1 if it has found any, or if there
was nothing to look for or nothing to search.
"""

import sys
from itertools import islice
from pathlib import Path

from tests.harness.log_search import Folder, Kind
from tests.harness.log_search.search import Finding, Needles, logs_of, values_of

SHOWN = 20
MOST_OF_A_LOG = 1_000
"""More findings are not counted: a log that quotes what it gets has millions."""


def main(path: str) -> int:
    folder = Folder(Path(path))
    needles = Needles.of(values_of(folder))
    logs, size = logs_of(folder), 0
    findings: list[Finding] = []
    for log in logs:
        content = log.read_bytes()
        size += len(content)
        findings += list(dict.fromkeys(islice(needles.found_in(content), MOST_OF_A_LOG)))
    sys.stdout.write(f"{_counted(needles)}, {size} bytes in {len(logs)} logs: {len(findings)} found\n")
    sys.stdout.writelines(_shown(finding) for finding in findings[:SHOWN])
    return 1 if findings or not size or not needles.count.total() else 0


def _counted(needles: Needles) -> str:
    kinds = ", ".join(f"{needles.count[kind]} {kind}s" for kind in Kind)
    return f"{needles.count.total()} values ({kinds})"


def _shown(finding: Finding) -> str:
    return f"a {finding.kind} in: {finding.line.decode(errors='replace')[:500]}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
