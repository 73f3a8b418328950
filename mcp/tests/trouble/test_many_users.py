"""Two users in each of two tenants at once, with tokens mixed up, for many steps.

The table says what was done. Nobody may see anything of another. TOOLBRIDGE_TEST_STEPS sets the number of
steps.
"""

import os
import time
from pathlib import Path

import pytest

from tests.harness.storm import storm
from tests.harness.table import head, row, say
from tests.harness.two_tenants import two_tenants

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]

STEPS = int(os.environ.get("TOOLBRIDGE_TEST_STEPS", "10000"))


async def test_many_users_see_nothing_of_each_other(api_binary: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    with two_tenants(api_binary, tmp_path) as (tenants, authority):
        record = await storm(tenants, authority, STEPS)
    head("done", "times")
    for name, times in sorted(record.calls.items()):
        row(name, f"{times:,}")
    row("items made", f"{len(record.owners):,}")
    row("bytes searched", f"{record.bytes_seen:,}")
    seconds = time.monotonic() - begun
    say(f"\n{STEPS:,} steps in {seconds:.0f} s, {len(record.violations)} violations")
    assert record.violations[:20] == []
