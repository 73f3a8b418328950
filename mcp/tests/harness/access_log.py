"""The requests that an API process has logged."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

PROBES = frozenset({"/healthz", "/readyz"})
"""Routes that the watchdog and the gateway request from time to time."""

LINE_SECONDS = 0.05
"""A line is written within this time after its answer."""


class AccessLog:
    """The requests for data that an API answers from the beginning on."""

    def __init__(self, log: Path, api_url: str) -> None:
        self._log = log
        self._api_url = api_url
        self._start = log.stat().st_size

    @classmethod
    async def begin(cls, log: Path, api_url: str) -> Self:
        """Requests that were answered before do not count."""
        await cls(log, api_url).routes()
        return cls(log, api_url)

    async def routes(self) -> list[str]:
        """The routes of the requests answered so far, such as `/v1/notes/{uid}`.

        A line is written shortly after its answer, so this waits for the line of a request of its own.
        """
        await asyncio.sleep(LINE_SECONDS)
        mark = uuid4().hex
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.get(f"{self._api_url}/healthz", headers={"X-Correlation-ID": mark})
        await until(lambda: self._position(mark) is not None, 10, "the request is not in the access log")
        entries = self._entries()[: self._position(mark)]
        return [entry["route"] for entry in entries if entry["route"] not in PROBES]

    def _position(self, correlation_id: str) -> int | None:
        ids = [entry["correlation_id"] for entry in self._entries()]
        return ids.index(correlation_id) if correlation_id in ids else None

    def _entries(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._start)
            lines = file.read().splitlines()
        return [entry for line in lines if (entry := _entry(line)).get("message") == "request"]


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:  # a line that is being written
        return {}
    return entry if isinstance(entry, dict) else {}


async def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Returns as soon as the condition holds, and fails if it does not within that time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"{otherwise} after {seconds:g} s") from error
