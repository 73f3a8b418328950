"""The container in front of an API that runs already: it starts the gateway, and no API of its own."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.clients import over_sse
from tests.harness.processes import GATEWAY_FOLDER, Process, running
from tests.harness.stack import messages, pids, stack_process

ABSENT = Path("/nowhere/toolbridge-api")
"""The container's own API; it must not be started."""


def alone(folder: Path, api_url: str, **settings: str) -> Process:
    process = stack_process(ABSENT, folder, str, TOOLBRIDGE_GO_API_BASE_URL=api_url, **settings)
    unset = ("DATABASE_URL", "API_PORT")
    environment = {name: value for name, value in process.environment.items() if name not in unset}
    return replace(process, environment=environment)


def is_healthy(process: Process) -> bool:
    check = [sys.executable, "-m", "toolbridge_mcp.supervision.healthcheck"]
    done = subprocess.run(check, cwd=GATEWAY_FOLDER, env=dict(process.environment), check=False)
    return done.returncode == 0


@pytest.mark.anyio
async def test_the_gateway_runs_alone_in_front_of_a_given_api(
    api: Process, tmp_path: Path, bearer: str
) -> None:
    process = alone(tmp_path, api.url)
    with running(process):
        assert is_healthy(process)
        async with over_sse(process.url, bearer) as tools:
            await tools.call("list_notes")
        assert process.stop() == 0
    assert pids(process, "api") == []
    assert any("starting the gateway alone" in said for said in messages(process))
    stopped = [said.split()[1] for said in messages(process) if said.startswith("stopped: ")]
    assert stopped == ["gateway", "watchdog"]


def test_without_the_given_api_the_container_is_not_healthy(tmp_path: Path) -> None:
    process = alone(tmp_path, "http://127.0.0.1:9", TOOLBRIDGE_API_WAIT_SECONDS="0")
    process.ready_path = "/healthz"
    with running(process):
        assert not is_healthy(process)
        assert pids(process, "api") == []
