"""What `toolbridge serve` does before it forks the process that serves."""

import json
import os
import subprocess
import sys

import pytest

from tests.harness.processes import GATEWAY_FOLDER, SECRETS, free_port

PROGRAM = """
import json, os, sys, threading
from toolbridge_mcp.supervision.prefork import Parent

def look(parent, work, sockets, beside):
    opened = [int(name) for name in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{name}")]
    listening = [one.fileno() for one in sockets]
    facts = {
        "threads": threading.active_count(),
        "system_threads": len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1,
        "opened": [os.readlink(f"/dev/fd/{one}") for one in set(opened) - {0, 1, 2, *listening}],
        "loaded": "uvloop" in sys.modules and "uvicorn.lifespan.on" in sys.modules,
        "traces": "opentelemetry.sdk.trace" in sys.modules,
        "login": "toolbridge_mcp.login.server" in sys.modules,
        "client": "fastmcp.client" in sys.modules,
    }
    print(json.dumps(facts))
    return 0

Parent.run = look
from toolbridge_mcp.cli.serve import serve
sys.exit(serve())
"""


TRACES = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


LOGIN = {"TOOLBRIDGE_LOGIN": "embedded"}


@pytest.mark.parametrize("more", [{}, TRACES, LOGIN], ids=["nothing more", "traces", "login"])
def test_everything_is_loaded_and_nothing_opened_before_the_fork(more: dict[str, str]) -> None:
    """A fork has none of its parent's threads, and would share its connections."""
    environment = {
        **more,
        **SECRETS,
        "PATH": os.environ["PATH"],
        "TOOLBRIDGE_HOST": "127.0.0.1",
        "TOOLBRIDGE_PORT": str(free_port()),
        "TOOLBRIDGE_GO_API_BASE_URL": "http://127.0.0.1:9",
        "TOOLBRIDGE_METRICS_PORT": str(free_port()),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=GATEWAY_FOLDER,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    nothing = {"threads": 1, "system_threads": 1, "opened": []}
    loaded = {"loaded": True, "traces": more == TRACES, "login": more == LOGIN, "client": False}
    assert found == {**nothing, **loaded}


def test_a_wrong_setting_of_traces_stops_the_start() -> None:
    environment = {**SECRETS, "PATH": os.environ["PATH"], **TRACES, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    command = [sys.executable, "-m", "toolbridge_mcp"]
    done = subprocess.run(
        command, cwd=GATEWAY_FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "The gateway does not start:\nOTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf.\n"
    )
