"""Writes `tools.json`, the published tools; with `--check` only says whether it is up to date."""

import asyncio
import json
import sys
from pathlib import Path

from tests.harness.clients import in_memory, settings_for, token
from tests.harness.recording import INFO, failing_api
from toolbridge_mcp.app import create_server
from toolbridge_mcp.tools.work import ALL_WORK

FILE = Path(__file__).with_name("tools.json")


async def published() -> str:
    features = sorted({feature for work in ALL_WORK for feature in work.needs})
    newest = failing_api([], {**INFO, "features": features})
    server = create_server(settings_for("http://127.0.0.1:8081"), transport=newest)
    async with in_memory(server, token("nobody")) as tools:
        listed = await tools.client.list_tools()
    wire = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
    return json.dumps(wire, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    text = asyncio.run(published())
    if "--check" not in sys.argv:
        FILE.write_text(text)
        return 0
    if FILE.exists() and FILE.read_text() == text:
        return 0
    sys.stderr.write(f"{FILE.name} is out of date: run scripts/generate.sh tools and review the change\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
