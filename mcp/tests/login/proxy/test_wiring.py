"""Where the proxy is part of a gateway, and where it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import GATEWAY_FOLDER, SECRETS
from tests.login.proxy.test_outages import until
from tests.login.proxy.world import World, a_world

pytestmark = pytest.mark.anyio
PROGRAM = """
import sys
from toolbridge_mcp.app import create_app
create_app()
wanted = ("toolbridge_mcp.login.proxy", "authlib", "fastmcp.server.auth.oauth_proxy")
print([name for name in sys.modules if name.startswith(wanted)])
"""
FRONT = {
    **{name: value for name, value in SECRETS.items() if name != "JWT_HS256_SECRET"},
    "JWT_JWKS_URL": "https://id.example/keys",
    "JWT_ISSUER": "https://id.example",
    "JWT_AUDIENCE": "https://api.example",
    "TOOLBRIDGE_PUBLIC_URL": "https://tenant.example",
    "TOOLBRIDGE_LOGIN": "proxy",
    "TOOLBRIDGE_PROXY_CONFIG_URL": "https://id.example/.well-known/openid-configuration",
    "TOOLBRIDGE_PROXY_CLIENT_ID": "the gateway",
    "TOOLBRIDGE_PROXY_CLIENT_SECRET": "a secret of the gateway",
}


def run(program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(GATEWAY_FOLDER), **settings}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )


def test_a_gateway_without_the_proxy_does_not_import_it(tmp_path: Path) -> None:
    assert run(PROGRAM, **SECRETS).stdout.strip() == "[]"
    front = run(PROGRAM, **FRONT, TOOLBRIDGE_PROXY_FOLDER=str(tmp_path))
    assert "toolbridge_mcp.login.proxy" in front.stdout, front.stderr


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    failed = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", "serve"],
        env={"PATH": os.environ["PATH"], **FRONT, "TOOLBRIDGE_PROXY_FOLDER": str(tmp_path / "file")},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert failed.returncode != 0
    assert "TOOLBRIDGE_PROXY_FOLDER: is no folder that can be written" in failed.stdout + failed.stderr


async def test_a_description_of_another_issuer_is_told_at_once(api_binary: Path, tmp_path: Path) -> None:
    async with a_world(api_binary, tmp_path) as world:
        await stopped_with(world, JWT_ISSUER=f"{world.provider.issuer}/")
        answer = await until(30, world, 503)
        assert "describes another issuer than JWT_ISSUER" in answer.json()["problems"][0]


async def stopped_with(world: World, **settings: str) -> None:
    """The gateway stops, and begins to start with other settings."""
    world.gateway.stop()
    world.gateway.environment = {
        **world.gateway.environment,
        "TOOLBRIDGE_API_WAIT_SECONDS": "1",
        **settings,
    }
    world.gateway.launch()
