"""The clients that are programs: where they are, and how they are run."""

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from e2e.report import Failed

SECONDS = 110
KEPT = ("PATH", "NO_PROXY", "no_proxy", "NODE_EXTRA_CA_CERTS")
CLAUDE = "@anthropic-ai/claude-code/cli-wrapper.cjs"
INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
MCP_REMOTE = "mcp-remote/dist/proxy.js"


@dataclass(frozen=True)
class Programs:
    """`home` is an empty folder: some clients write there, and none may see the settings of its user."""

    node: Path
    clients: Path
    inspector: Path
    home: Path

    @classmethod
    def from_environment(cls) -> "Programs":
        names = ("NODE", "PACKAGES", "INSPECTOR", "HOME")
        return cls(*(Path(os.environ[f"TOOLBRIDGE_CLIENTS_{name}"]) for name in names))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, "HOME": str(self.home), "CI": "1", **more}

    def package(self, path: str) -> list[str]:
        """The command that runs a program of an npm package."""
        folder = self.inspector if path == INSPECTOR else self.clients
        return [str(self.node), str(folder / "node_modules" / path)]

    def version(self, path: str) -> str:
        """The version of the package that has this program in its folder `dist`."""
        text = (self.clients / "node_modules" / path).parent.with_name("package.json").read_text()
        version: str = json.loads(text)["version"]
        return version

    async def output(
        self, command: list[str], *, folder: Path | None = None, **more: str
    ) -> tuple[int, str, str]:
        """Exit code, standard output and error; a program that hangs is ended with all it started."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder or self.home,
            env=self.environment(**more),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await process.communicate()
        except TimeoutError as error:
            raise Failed(f"it was still running after {SECONDS} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return process.returncode or 0, out.decode(), err.decode()

    async def success(self, command: list[str], *, folder: Path | None = None, **more: str) -> str:
        status, out, err = await self.output(command, folder=folder, **more)
        if status != 0:
            raise Failed(f"exit code {status}: {err or out}")
        return out
