"""`/readyz`, which everyone may ask."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.harness.processes import SECRETS, Process, api_process, gateway_process, running

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


FULL = "the disk is full: reading, deleting and wiping work, other writes fail until the operator makes room"


class Api(BaseHTTPRequestHandler):
    """An API whose disk is full until a test says otherwise: no test fills a disk."""

    says = f"degraded: {FULL}"
    info: bytes

    def do_GET(self) -> None:
        info = self.path.startswith("/v1/sync/info")
        content = self.info if info else self.says.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if info else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


async def test_a_full_disk_of_the_api_is_a_warning(own_api: Process, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=own_api.url, trust_env=False) as http:
        Api.info = (await http.get("/v1/sync/info")).content
    api = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=api.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{api.server_port}"
        with running(gateway_process(url, tmp_path)) as gateway:
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http:
                assert (await http.get("/readyz")).json() == {"ready": True, "warnings": [FULL]}
                Api.says = "ok"
                await asyncio.sleep(1.1)
                assert (await http.get("/readyz")).json() == {"ready": True}
    finally:
        api.shutdown()
        api.server_close()


async def test_what_the_api_and_the_gateway_say_of_their_keys_stands_side_by_side(
    api_binary: Path, tmp_path: Path
) -> None:
    made = datetime.now(UTC).date() - timedelta(days=100)
    keys = tmp_path / "keys"
    keys.write_text(f"k1:{made}:{SECRETS['TENANT_HEADER_SECRET']}")
    of_api = "the API's tenant key k1 is 100 days old"
    with (
        running(api_process(api_binary, tmp_path, TENANT_HEADER_KEYS_FILE=str(keys))) as api,
        running(gateway_process(api.url, tmp_path, TENANT_HEADER_KEYS=keys.read_text())) as gateway,
    ):
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as http:

            async def warnings() -> list[str]:
                answer = (await http.get("/readyz")).json()
                assert answer["ready"]
                return list(answer["warnings"])

            said, own = await warnings()
            assert said == of_api
            assert own.startswith("The tenant key k1 is 100 days old")
            keys.unlink()
            end = asyncio.get_running_loop().time() + 10
            while said == of_api:
                assert asyncio.get_running_loop().time() < end, "nobody says that the file is gone"
                await asyncio.sleep(0.1)
                said, own = await warnings()
            gone = "the API cannot use its file with the tenant keys, so the known ones stay in use"
            assert said == f"{gone}; {of_api}"
