"""The whole container sends traces of both programs, also the last ones when it is stopped."""

import signal
import time
from pathlib import Path

import pytest

from tests.harness.clients import token
from tests.harness.collector import collector
from tests.harness.processes import running
from tests.harness.stack import stack_process
from tests.telemetry.raw_clients import sse
from tests.telemetry.test_tracing import create, traceparent

pytestmark = [pytest.mark.anyio, pytest.mark.programs]

AN_HOUR = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
ALLOWED_SECONDS = 30
"""What `fly.toml` and `docker stop` may allow the container; `supervisord.conf` allows the gateway 25 s."""


async def test_a_stop_of_the_container_sends_the_last_spans(api_binary: Path, tmp_path: Path) -> None:
    named = traceparent(30)
    with collector(tmp_path) as collecting:
        settings = {
            **collecting.settings,
            **AN_HOUR,
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=t",
        }
        with running(stack_process(api_binary, tmp_path, str, **settings)) as stack:
            async with sse(stack.url, token("ann")) as send:
                await create(send, "t", _meta={"traceparent": named})
            assert collecting.spans() == []
            begun = time.monotonic()
            stack.signal(signal.SIGTERM)
            stack.wait()
            assert time.monotonic() - begun < ALLOWED_SECONDS
        spans = [one for one in collecting.spans() if one.trace_id == named[3:35]]
    assert {one.service for one in spans} == {"toolbridge-gateway", "toolbridge-api"}
    assert {one.resource["deployment.environment.name"] for one in spans} == {"t"}
    assert "POST /v1/notes" in {one.name for one in spans}
