"""Follows a page of the documents that shows code: its blocks are applied to a copy of the tree."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.harness.processes import REPOSITORY

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".toolbridge", "node_modules", "__pycache__", ".*_cache")
BLOCK = re.compile(r"^(In|Create) `([^`]+)`[^\n]*:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Copy:
    """A copy of the repository in `folder`, with its own API binary."""

    def __init__(self, folder: Path) -> None:
        self.root = Path(shutil.copytree(REPOSITORY, folder, ignore=LEFT_OUT))
        self.binary = self.root / "toolbridge-api"

    def follow(self, page: str) -> list[str]:
        """Applies the page's blocks in their order and returns the files that it names, each once."""
        text = (REPOSITORY / page).read_text()
        for verb, name, language, code in BLOCK.findall(text):
            file = self.root / name
            if verb == "Create":
                assert not file.exists() or file.read_text() == code, f"{page} creates {name}, which exists"
                file.write_text(code)
            else:
                assert language == "diff", f"{page} changes {name} without a diff"
                for hunk in re.split(r"^@@.*\n", code, flags=re.MULTILINE):
                    file.write_text(changed(file.read_text(), hunk, f"{page}, {name}"))
        return list(dict.fromkeys(name for _, name, _, _ in BLOCK.findall(text)))

    def generate(self) -> None:
        """What `scripts/generate.sh` does with what depends on entities and operations, by the programs of
        this test run. It builds the API."""
        self.run("api", "go", "test", "-count=1", "./internal/httpapi", "-run", "Contract", "-update")
        self.run("mcp", sys.executable, "-m", "tests.surface.write")
        self.build()
        self.run("mcp", sys.executable, "-m", "tests.examples")

    def build(self) -> None:
        self.run("api", "go", "build", "-ldflags=-s -w", "-o", str(self.binary), "./cmd/toolbridge-api")

    def shows_every_tool(self) -> bool:
        """Whether the page of the tools has a section for each tool of the copy."""
        published = json.loads((self.root / "mcp/tests/surface/tools.json").read_text())
        shown = re.findall(r"^###+ `(\w+)`$", (self.root / "docs/tools.md").read_text(), re.MULTILINE)
        return {tool["name"] for tool in published} <= set(shown)

    def run(self, folder: str, *command: str) -> str:
        """Runs a command in a folder of the copy, returns its output, and fails with it."""
        environment = {**os.environ, "TOOLBRIDGE_API_BINARY": str(self.binary)}
        done = subprocess.run(
            command, cwd=self.root / folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
        return done.stdout


def changed(text: str, hunk: str, where: str) -> str:
    """`text` with one hunk of a diff applied, unless it has been already: whoever follows a page in their own
    tree runs these tests too. The context of the hunk must be there exactly once."""
    lines = hunk.splitlines(keepends=True)
    old = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
    new = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
    if new in text:
        return text
    assert text.count(old) == 1, f"{where}: found {text.count(old)} times:\n{old}"
    return text.replace(old, new)
