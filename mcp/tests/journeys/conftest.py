"""Journeys take place on a stack of their own, or in front of a gateway whose address is given."""

import os
from collections.abc import Iterator

import pytest

from tests.harness.deployment import Deployment, ExistingApi, GivenGateway, expect_no_secret_in
from tests.harness.first_generation import first_generation
from tests.harness.processes import gateway_process, running
from tests.journeys.address import TOKEN, URL


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In front of a given address only the journeys are left that need nothing but a gateway."""
    if URL not in os.environ:
        return
    possible = [item for item in items if "deployment" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in possible])
    items[:] = possible


PLACES = ["given gateway"] if URL in os.environ else ["container", "existing API"]


@pytest.fixture(scope="session", params=PLACES)
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """The gateway at the address that is given, else all of the container and a gateway in front of an API of
    the first generation."""
    if request.param == "given gateway":
        return GivenGateway(os.environ[URL].rstrip("/"), os.environ[TOKEN])
    own: Deployment = request.getfixturevalue("stack" if request.param == "container" else "existing")
    return own


@pytest.fixture(scope="session")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExistingApi]:
    """The API lets a user ask as often as our own does: journeys are not about its patience."""
    folder = tmp_path_factory.mktemp("existing")
    with (
        running(first_generation(folder, REQUESTS_PER_SECOND="1000", REQUEST_BURST="2000")) as api,
        running(gateway_process(api.url, folder)) as gateway,
    ):
        place = ExistingApi(gateway)
        yield place
    expect_no_secret_in(gateway.log, place.confided)
