"""What the programs logged: nothing that was confided to them."""

import json
import re
from pathlib import Path

from e2e.main_job import Import
from e2e.report import expect
from e2e.stack import Stack

LEAST_LENGTH = 40
"""Shorter lines of a document may well be said by a log, too."""

TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.")


def confided(stack: Stack, imported: Import) -> set[bytes]:
    """Secrets and imported texts, as they are and as a JSON log would quote them."""
    texts = [stack.tenant_secret, stack.jwt_secret, imported.marker]
    for document in imported.documents:
        texts += [line for line in document.text.splitlines() if len(line) >= LEAST_LENGTH]
    quoted = [json.dumps(text)[1:-1] for text in texts]
    return {text.encode() for text in [*texts, *quoted]}


async def nothing_confided_is_logged(stack: Stack, imported: Import) -> str:
    needles = confided(stack, imported)
    logs = [stack.log, *sorted((stack.data / "second").glob("*.log"))]
    for log in logs:
        _search(log, needles)
    lines = sum(log.read_bytes().count(b"\n") for log in logs)
    return f"{len(logs)} logs with {lines} lines, searched for {len(needles)} texts and for any token"


def _search(log: Path, needles: set[bytes]) -> None:
    content = log.read_bytes()
    expect(not TOKEN.search(content), f"{log.name} holds a token")
    found = sum(needle in content for needle in needles)
    expect(not found, f"{log.name} holds {found} of the searched texts")
