"""`/readyz`, which everyone may ask."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness.processes import Process, api_process, gateway_process, running

pytestmark = pytest.mark.anyio
ASKING = 100


@pytest.fixture
def own_api(api_binary: Path, tmp_path: Path) -> Iterator[Process]:
    """An API that only this test's gateway asks. It logs every request."""
    with running(api_process(api_binary, tmp_path, LOG_LEVEL="debug")) as process:
        yield process


async def test_however_many_ask_the_api_is_asked_once_a_second(own_api: Process, tmp_path: Path) -> None:
    with running(gateway_process(own_api.url, tmp_path)) as gateway:
        await asyncio.sleep(1.1)
        before = looks(own_api)
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http:
            answers = await asyncio.gather(*[http.get("/readyz") for _ in range(ASKING)])
            assert {answer.status_code for answer in answers} == {200}
            assert looks(own_api) - before <= 2
            own_api.kill()
            end = asyncio.get_running_loop().time() + 5
            while (await http.get("/readyz")).status_code == 200:
                assert asyncio.get_running_loop().time() < end, "an API that is gone stays ready"
                await asyncio.sleep(0.1)


def looks(api: Process) -> int:
    return api.log.read_text().count("/v1/sync/info")
