"""What an examination leaves of the environment of its process."""

import os
import time

import pytest

from tests.harness.clients import settings_for
from toolbridge_mcp.cli.doctor.visit import Visit
from toolbridge_mcp.environment import OUTSIDE
from toolbridge_mcp.settings import Settings, WrongSetting
from toolbridge_mcp.transport import Signer

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:1"
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OUTSIDE:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize(("owns_process", "left"), [(True, None), (False, PROXY)])
async def test_only_a_process_of_its_own_forgets_the_proxy(owns_process: bool, left: str | None) -> None:
    settings = settings_for(HERE)
    async with Visit(settings, Signer.of(settings), HERE, None, time.time, owns_process=owns_process):
        assert os.environ.get("HTTPS_PROXY") == left


async def test_the_way_to_the_identity_provider_is_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://no.proxy/of/ours")
    keys = {"jwt_jwks_url": "https://id.example/keys", "jwt_issuer": "https://id.example/"}
    settings: Settings = settings_for(HERE).model_copy(update=keys)
    with pytest.raises(WrongSetting):
        async with Visit(settings, Signer.of(settings), HERE, None, time.time, owns_process=True):
            pass
