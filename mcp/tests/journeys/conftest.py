"""Journeys take place on a stack of their own, or in front of a gateway whose address is given."""

import os

import pytest

from tests.harness.deployment import Deployment, GivenGateway
from tests.journeys.address import TOKEN, URL


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In front of a given address only the journeys are left that need nothing but a gateway."""
    if URL not in os.environ:
        return
    possible = [item for item in items if "deployment" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in possible])
    items[:] = possible


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """The gateway at the address that is given, else a stack of our own."""
    if URL in os.environ:
        return GivenGateway(os.environ[URL].rstrip("/"), os.environ[TOKEN])
    own: Deployment = request.getfixturevalue("stack")
    return own
