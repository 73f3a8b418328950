"""The command as a whole: its help, its exit codes, and what a start imports."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.harness.processes import GATEWAY_FOLDER
from toolbridge_mcp import __version__
from toolbridge_mcp.cli.main import toolbridge


def test_the_help_lists_every_command_with_a_line_of_its_own() -> None:
    page = CliRunner().invoke(toolbridge, ["--help"]).stdout
    for name, command in toolbridge.commands.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"  {name} ")]
        assert line.split(maxsplit=1)[1] == command.get_short_help_str(limit=100)
        assert len(line) <= 80, "a terminal shows the line whole"


@pytest.mark.parametrize("command", ["tenant", *toolbridge.commands])
def test_every_command_has_a_help_page(command: str) -> None:
    result = CliRunner().invoke(toolbridge, [command, "-h"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: toolbridge {command} ")


def test_the_version() -> None:
    assert CliRunner().invoke(toolbridge, ["--version"]).stdout == f"toolbridge {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["star"], ["up", "now"], ["connect", "emacs"], ["token", "--expires", "soon"]]
)
def test_wrong_usage_is_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(toolbridge, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: toolbridge ")


def test_a_wrong_setting_stops_the_gateway() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp"],
        env={"PATH": os.environ["PATH"], "TOOLBRIDGE_PORT": "many"},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("The gateway does not start:\n")
    assert "TOOLBRIDGE_TENANT_ID: is not set." in done.stderr
    assert "TOOLBRIDGE_PORT: " in done.stderr


def test_a_start_of_the_gateway_imports_nothing_for_the_other_commands() -> None:
    code = "import sys; import toolbridge_mcp.cli.main; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    modules = subprocess.run(command, cwd=GATEWAY_FOLDER, capture_output=True, text=True, check=True).stdout
    for name in ("psutil", "dotenv", "joserfc", "mcp.client", "pydantic"):
        assert name not in modules.split()
