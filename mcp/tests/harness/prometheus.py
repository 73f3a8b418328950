"""A real Prometheus on a free port, which scrapes processes of a test."""

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


@dataclass(frozen=True)
class Sample:
    """One series of an answer, at one moment."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """Asks a running server. Questions are blocking, and short."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def query(self, expression: str) -> list[Sample]:
        """What the expression says now. A wrong one fails with the server's words."""
        found = self._asked("query", query=expression)
        pairs = [found] if found["resultType"] == "scalar" else found["result"]
        return [Sample(pair.get("metric", {}), float(pair["value"][1])) for pair in pairs]

    def parsed(self, expression: str) -> dict[str, Any]:
        """The parts of an expression, as the server understands it."""
        tree: dict[str, Any] = self._asked("parse_query", query=expression)
        return tree

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self._asked("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def is_healthy(self, job: str) -> bool:
        """Whether all targets of the job answered when they were last read."""
        targets = [one for one in self._asked("targets")["activeTargets"] if one["labels"]["job"] == job]
        return bool(targets) and all(one["health"] == "up" for one in targets)

    async def until(self, condition: Callable[[], bool], seconds: float = 30) -> float:
        """How long it took until the condition held. Fails when that takes too long."""
        begun = time.monotonic()
        while not await asyncio.to_thread(condition):
            assert time.monotonic() - begun < seconds, f"not within {seconds:g} s"
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    def _asked(self, path: str, **parameters: str) -> Any:
        answer = self._http.get(f"/api/v1/{path}", params=parameters)
        content = answer.json()
        assert content["status"] == "success", f"{parameters}: {content.get('error')}"
        return content["data"]

    def close(self) -> None:
        self._http.close()


def scrape(job: str, url: str, path: str = "/metrics") -> dict[str, Any]:
    """An entry of `scrape_configs`. JSON is YAML, so no library is needed to write the configuration."""
    targets = [{"targets": [url.removeprefix("http://")]}]
    return {"job_name": job, "metrics_path": path, "static_configs": targets}


@contextmanager
def prometheus(
    folder: Path, *jobs: dict[str, Any], rules: Path | None = None, interval: str = "1s"
) -> Iterator[Prometheus]:
    """A server that reads the targets and evaluates the rules at each interval."""
    times = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    configuration = {
        "global": times,
        "scrape_configs": list(jobs),
        "rule_files": [str(rules)] if rules else [],
    }
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration))
    port = free_port()
    command = [
        str(program("prometheus", "prometheus")),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    server = Process(command, {}, port, folder / "prometheus.log", folder, "/-/ready")
    with running(server) as process:
        asking = Prometheus(process.url)
        try:
            yield asking
        finally:
            asking.close()
