"""Two users in each of two tenants at once, with tokens mixed up: isolation.py [STEPS], by default 10,000.

Prints what was done and what anybody saw of another, and ends with 1 if that is anything. Needs the packages
of mcp/requirements-dev.lock, and the API's binary in TOOLBRIDGE_API_BINARY.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "mcp"))

from tests.harness.isolation import storm
from tests.harness.two_tenants import two_tenants


def main() -> int:
    steps = sys.argv[1] if sys.argv[1:] else "10000"
    binary = Path(os.environ.get("TOOLBRIDGE_API_BINARY", "")).absolute()
    if not steps.isdecimal() or not binary.is_file():
        sys.exit(__doc__)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, two_tenants(binary, Path(folder)) as (tenants, authority):
        record = asyncio.run(storm(tenants, authority, int(steps)))
    for name, times in sorted(record.calls.items()):
        sys.stdout.write(f"{times:>7,}  {name}\n")
    sys.stdout.write(f"{len(record.owners):>7,}  items made\n{record.bytes_seen:>7,}  bytes searched\n")
    for violation in record.violations[:20]:
        sys.stdout.write(f"violation: {violation}\n")
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{int(steps):,} steps in {seconds:.0f} s, {len(record.violations)} violations\n")
    return int(bool(record.violations))


if __name__ == "__main__":
    sys.exit(main())
