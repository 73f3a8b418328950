"""Two users in each of two tenants see nothing of each other. scripts/test.sh trouble runs this longer."""

from pathlib import Path

import pytest

from tests.harness.storm import storm
from tests.harness.two_tenants import two_tenants

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]


async def test_users_and_tenants_see_nothing_of_each_other(api_binary: Path, tmp_path: Path) -> None:
    with two_tenants(api_binary, tmp_path) as (tenants, authority):
        record = await storm(tenants, authority, 600)
    assert record.violations == []
    assert {"sse", "session", "stateless"} <= record.calls.keys()
    assert len(record.owners) > 20
