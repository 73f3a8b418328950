from pathlib import Path

import pytest

from tests.real_clients.packages import find_node, install_packages
from tests.real_clients.programs import Programs


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The clients that are programs, installed when they are needed first."""
    node, npm = find_node()
    return Programs(node, install_packages(npm), home=Path(tmp_path_factory.mktemp("home")))
