"""Gateways whose users sign in there, in front of a real API."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.harness.processes import Process, api_process, gateway_process, running

EMBEDDED = {"LOGIN": "embedded", "TOOLBRIDGE_LOGIN": "embedded"}


@contextmanager
def signing_in(api_binary: Path, folder: Path, **settings: str) -> Iterator[Process]:
    """A gateway at which people can sign in, with an API of its own."""
    with (
        running(api_process(api_binary, folder, **EMBEDDED)) as api,
        running(gateway_process(api.url, folder, **EMBEDDED, **settings)) as gateway,
    ):
        yield gateway


@contextmanager
def browsing(gateway: Process, **headers: str) -> Iterator[httpx.Client]:
    """Requests to a gateway, without following redirects."""
    with httpx.Client(base_url=gateway.url, trust_env=False, headers=headers) as http:
        yield http
