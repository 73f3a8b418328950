"""The clients that are programs: where they are, and how they are run."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

SECONDS = 110
LOOPBACK = "127.0.0.1,localhost"
CLAUDE = "@anthropic-ai/claude-code/cli-wrapper.cjs"
INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
MCP_REMOTE = "mcp-remote/dist/proxy.js"


class ClientError(Exception):
    """A client could not do what it was asked to. The text is what it says to its user."""


@dataclass(frozen=True)
class Programs:
    """`home` is an empty folder: some clients write there, and none may see the settings of its user."""

    node: Path
    packages: Path
    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "NODE_EXTRA_CA_CERTS") if name in os.environ}
        direct = {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
        return {**kept, **direct, "HOME": str(self.home), "CI": "1", **more}

    def package(self, path: str) -> list[str]:
        """The command that runs a program of an npm package."""
        return [str(self.node), str(self.packages / "node_modules" / path)]

    async def output(
        self, command: list[str], *, folder: Path | None = None, **more: str
    ) -> tuple[int, str, str]:
        """Exit code, standard output and error. A program that hangs is killed with all it started."""
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
            raise ClientError(f"it was still running after {SECONDS} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return process.returncode or 0, out.decode(), err.decode()

    async def success(self, command: list[str], *, folder: Path | None = None, **more: str) -> str:
        status, out, err = await self.output(command, folder=folder, **more)
        if status != 0:
            raise ClientError(f"exit code {status}: {err or out}")
        return out
