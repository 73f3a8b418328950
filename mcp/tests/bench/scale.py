"""Reads the output of the Scale benchmarks of Go, and prints the medians and their ratios as a table."""

import re
import statistics
import sys
from collections import defaultdict

from tests.harness.table import head, row

LINE = re.compile(r"BenchmarkScale/(\w+)/of=(\d+)\S*\s+\d+\s+([\d.]+) ns/op")
PACKAGE = re.compile(r"pkg: .*/(\w+)$")


def main() -> None:
    measured: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    store = ""
    for line in sys.stdin:
        if found := PACKAGE.search(line):
            store = found[1]
        elif found := LINE.search(line):
            measured[store, found[1]][int(found[2])].append(float(found[3]))
        elif "FAIL" in line:
            sys.exit(line)
    head("store", "list", "of 1,000, us", "of 1,000,000, us", "ratio", numbers_from=2)
    for (name, page), sizes in sorted(measured.items()):
        few, many = (statistics.median(sizes[size]) / 1000 for size in (1_000, 1_000_000))
        row(name, page, f"{few:.0f}", f"{many:.0f}", f"{many / few:.2f}")


if __name__ == "__main__":
    main()
