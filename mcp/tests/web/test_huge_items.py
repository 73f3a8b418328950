"""An item of any size, in front of an API that takes them, over the wire of every transport."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import note_in_older_api, over_http, over_sse
from tests.harness.first_generation import first_generation
from tests.harness.processes import gateway_process, running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("connect", [over_sse, over_http])
async def test_an_item_of_20_megabytes_hides_no_other(connect: Any, tmp_path: Path, bearer: str) -> None:
    with (
        running(first_generation(tmp_path)) as api,
        running(gateway_process(api.url, tmp_path)) as gateway,
    ):
        async with connect(gateway.url, bearer) as tools:
            await tools.call("create_note", title="first", content="c")
            large = await note_in_older_api(api.url, bearer, 20_000_000)
            await tools.call("create_note", title="last", content="c")
            pages = await tools.pages("list_notes")
    first, reduced, last = [item for page in pages for item in page]
    assert (first["payload"]["title"], last["payload"]["title"]) == ("first", "last")
    assert reduced["uid"] == large
    assert reduced["size"] > 20_000_000
    assert "payload" not in reduced
