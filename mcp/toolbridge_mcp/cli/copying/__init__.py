"""`toolbridge copy`: the items of users, from one API to another, compared in the end."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from toolbridge_mcp.cli.copying.comparison import MOST_NAMED, Outcome, compare
from toolbridge_mcp.cli.copying.progress import Progress
from toolbridge_mcp.cli.copying.side import Place, Side
from toolbridge_mcp.cli.copying.transfer import IN_ORDER, Refused, Transfer
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.given_keys import ring_of
from toolbridge_mcp.uses import TENANT

__all__ = ["Place", "Tokens", "place", "read_tokens", "run", "text_of"]

COLUMNS = (
    "at the source",
    "at the target",
    "equal",
    "newer there",
    "only there",
    "different",
    "missing there",
    "deletion forgotten there",
    "at another version",
)
REPORT_SECONDS = 1.0


def place(url: str, settings: Mapping[str, str], option: str) -> Place:
    """The API at this address, with the tenant and its keys that the settings name as the gateway's settings
    do."""
    tenant = settings.get("TOOLBRIDGE_TENANT_ID") or settings.get("TENANT_ID")
    ring = ring_of(TENANT, settings)
    if not tenant or not ring:
        name = TENANT.secret if tenant else "TENANT_ID"
        raise WrongUsage(f"{name} of {url} is not set; name the file that has it with {option}.")
    return Place(url, tenant, ring)


class Tokens(NamedTuple):
    """A user's token for each side."""

    source: str
    target: str


def text_of(file: Path) -> str:
    """The content of a file; - is standard input."""
    if file == Path("-"):
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} cannot be read; name a file with --tokens.") from error


def read_tokens(text: str) -> list[Tokens]:
    """A user on each line: one token, or one for the source and one for the target. Lines that are empty or
    begin with # do not count."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2:
            raise WrongUsage(f"Line {number} of the tokens has more than two words.")
        found.append(Tokens(words[0], words[-1]))
    if not found:
        raise WrongUsage("There is no token; give --tokens a file with one on each line.")
    return found


def run(source: Place, target: Place, users: Sequence[Tokens], state: Path) -> int:
    """Copies and compares the items of each user, and prints a table for each. Returns 1 if any is missing,
    different or refused there, else 0. Raises `WrongUsage` if both are one API."""
    if source.url.rstrip("/") == target.url.rstrip("/"):
        raise WrongUsage("--from and --to are the same API; nothing would be copied.")
    return asyncio.run(_run(source, target, users, Progress(state)))


async def _run(source: Place, target: Place, users: Sequence[Tokens], progress: Progress) -> int:
    wrong = 0
    for number, tokens in enumerate(users, 1):
        who = f"user {number} of {len(users)}"
        async with Side(source, tokens.source) as here, Side(target, tokens.target) as there:
            transfer = Transfer(here, there, progress.of(here, there), _Reporter(who))
            wrong += not await _copied(who, transfer)
    return int(wrong > 0)


async def _copied(who: str, transfer: Transfer) -> bool:
    """Whether everything of a user is at the target. If not, it is copied once more from the beginning: the
    target may have lost what it had when an earlier run left off."""
    await transfer.run()
    outcomes = await _compared(transfer)
    if transfer.refused or not all(outcome.is_equal for outcome in outcomes.values()):
        await transfer.run(from_the_beginning=True)
        outcomes = await _compared(transfer)
    _show(who, outcomes, transfer.refused)
    return not transfer.refused and all(outcome.is_equal for outcome in outcomes.values())


async def _compared(transfer: Transfer) -> dict[str, Outcome]:
    return {entity.plural: await compare(entity, transfer.source, transfer.target) for entity in IN_ORDER}


class _Reporter:
    """One line a second at most, on standard error."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._next = 0.0

    def __call__(self, plural: str, sent: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            click.echo(f"{self._who}: {sent} {plural} sent", err=True)


def _show(who: str, outcomes: dict[str, Outcome], refused: Sequence[Refused]) -> None:
    columns = [name for name in COLUMNS if any(outcome.counts[name] for outcome in outcomes.values())]
    sys.stdout.write(f"{who:<15}" + "".join(f"  {name}" for name in columns) + "\n")
    for plural, outcome in outcomes.items():
        counts = "".join(f"  {outcome.counts[name]:>{len(name)}}" for name in columns)
        sys.stdout.write(f"{plural:<15}{counts}\n")
    for plural, outcome in outcomes.items():
        for uid in outcome.differing:
            sys.stdout.write(f"missing or different: {plural} {uid}\n")
    for entry in refused[:MOST_NAMED]:
        sys.stdout.write(f"refused: {entry.plural} {entry.uid}: {entry.reason}\n")
    if len(refused) > MOST_NAMED:
        sys.stdout.write(f"refused: {len(refused) - MOST_NAMED} more\n")
    sys.stdout.flush()
