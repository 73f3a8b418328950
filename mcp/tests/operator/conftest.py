"""A gateway with a private port."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.processes import Process, free_port, gateway_process, running
from tests.operator.raw import PrivatePort


@dataclass(frozen=True)
class Watched:
    """A gateway, and its private port."""

    gateway: Process
    port: PrivatePort


@pytest.fixture(scope="package")
def watched(api: Process, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    port = free_port()
    settings = {
        "TOOLBRIDGE_METRICS_PORT": str(port),
        "TOOLBRIDGE_METRICS_HOST": "::",
        "TOOLBRIDGE_PUBLIC_URL": "https://tools.example/acme",
        "TOOLBRIDGE_ALLOWED_HOSTS": "tools.corp.example",
    }
    folder = Path(tmp_path_factory.mktemp("watched"))
    with running(gateway_process(api.url, folder, **settings)) as gateway:
        yield Watched(gateway, PrivatePort(port))
