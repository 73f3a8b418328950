"""A real collector of OpenTelemetry on a free port, and what it received."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.processes import Process, free_port, running
from tests.harness.programs import program

SERVER, CLIENT = 2, 3
"""Kinds of spans, as OTLP writes them."""

QUICKLY = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


@dataclass(frozen=True)
class Span:
    """One span as the collector received it."""

    service: str
    resource: Mapping[str, Any]
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    links: tuple[tuple[str, str], ...]
    """Trace id and span id of each."""
    begun: int
    ended: int
    """In nanoseconds since 1970."""
    attributes: Mapping[str, Any]
    failed: bool


class Collector:
    """A running collector."""

    def __init__(self, process: Process, file: Path) -> None:
        self.process = process
        self._file = file

    @property
    def settings(self) -> dict[str, str]:
        """What makes a program send its traces here, without much delay."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.process.url, **QUICKLY}

    def received(self) -> str:
        """Every byte, as OTLP in JSON."""
        return self._file.read_text() if self._file.exists() else ""

    def spans(self) -> list[Span]:
        """All spans so far."""
        whole = self.received().rpartition("\n")[0]
        return [span for line in whole.splitlines() for span in _spans_in(json.loads(line))]

    async def until(self, found: Callable[[list[Span]], bool], seconds: float = 20) -> list[Span]:
        """All spans, when there are those that are waited for."""
        end = time.monotonic() + seconds
        while not found(spans := self.spans()):
            names = [f"{span.service}: {span.name}" for span in spans]
            assert time.monotonic() < end, f"only these spans came within {seconds:g} s: {names}"
            await asyncio.sleep(0.05)
        return spans


def _spans_in(batch: Mapping[str, Any]) -> Iterator[Span]:
    for resources in batch.get("resourceSpans", ()):
        about = _values(resources["resource"].get("attributes", ()))
        for scope in resources["scopeSpans"]:
            for one in scope["spans"]:
                yield Span(
                    service=about["service.name"],
                    resource=about,
                    name=one["name"],
                    kind=one["kind"],
                    trace_id=one["traceId"],
                    span_id=one["spanId"],
                    parent_id=one.get("parentSpanId", ""),
                    state=one.get("traceState", ""),
                    links=tuple((link["traceId"], link["spanId"]) for link in one.get("links", ())),
                    begun=int(one["startTimeUnixNano"]),
                    ended=int(one["endTimeUnixNano"]),
                    attributes=_values(one.get("attributes", ())),
                    failed=one.get("status", {}).get("code") == 2,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {one["key"]: _value(one["value"]) for one in attributes}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return int(content) if kind == "intValue" else content


def collector_process(folder: Path) -> Process:
    """A collector that is not started yet."""
    port = free_port()
    configuration = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"lines": {"path": str(folder / "traces.json")}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["lines"]}}},
    }
    file = folder / "collector.json"
    file.write_text(json.dumps(configuration))
    command = [str(program("collector", "toolbridge-collector")), f"--config=file:{file}"]
    return _Listening(command, {}, port, folder / "collector.log", folder)


class _Listening(Process):
    """Ready when it takes traces: an empty batch."""

    def is_ready(self) -> bool:
        try:
            answer = httpx.post(f"{self.url}/v1/traces", json={}, trust_env=False, timeout=2)
        except httpx.TransportError:
            return False
        return answer.status_code == 200


@contextmanager
def collector(folder: Path) -> Iterator[Collector]:
    with running(collector_process(folder)) as process:
        yield Collector(process, folder / "traces.json")
