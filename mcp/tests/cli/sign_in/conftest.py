from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.sign_in.operator import Operator
from tests.harness.processes import Process, api_process, shared


@pytest.fixture(scope="module")
def login_api(
    request: pytest.FixtureRequest, api_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """An API that keeps users, for the tests of a file; each test has users of its own."""
    folders = tmp_path_factory
    settings = {"LOGIN": "embedded", "TENANT_SIGNATURES": "v2"}
    with shared(
        request.session, lambda: api_process(api_binary, folders.mktemp("api"), **settings)
    ) as process:
        yield process


@pytest.fixture
def operator(login_api: Process, tmp_path: Path) -> Operator:
    return Operator(login_api, tmp_path)
