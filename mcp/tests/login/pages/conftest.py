"""One deployment with a sign-in of its own, for all tests of its pages; each test has accounts of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.login.pages.deployed import Deployed, deployed
from tests.login.pages.visitor import Visitor


@pytest.fixture(scope="package")
def site(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(api_binary, Path(tmp_path_factory.mktemp("login"))) as made:
        yield made


@pytest.fixture
def visitor(site: Deployed) -> Iterator[Visitor]:
    with Visitor(site.url) as made:
        yield made


@pytest.fixture
def ann(site: Deployed) -> str:
    """The name of somebody who has a password."""
    return site.person(f"ann-{uuid4().hex[:8]}")
