"""One deployment with a sign-in of its own, for all tests of its pages; each test has accounts of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.login.pages.deployed import Deployed, deployed
from tests.login.pages.visitor import Visitor

PRODUCT = "Acme <i>Tools</i> & Co"
COLOR = "#ffcc00"
"""On white this can hardly be read, and white on this."""


@pytest.fixture(scope="package")
def site(api_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    look = {"TOOLBRIDGE_LOGIN_NAME": PRODUCT, "TOOLBRIDGE_LOGIN_COLOR": COLOR}
    with deployed(api_binary, Path(tmp_path_factory.mktemp("login")), **look) as made:
        yield made


@pytest.fixture
def visitor(site: Deployed) -> Iterator[Visitor]:
    with Visitor(site.url) as made:
        yield made


@pytest.fixture
def ann(site: Deployed) -> str:
    """The name of somebody who has a password."""
    return site.person(f"ann-{uuid4().hex[:8]}")
