"""The calls that `docs/agents.md` shows, with the answers that they get.

A call stands in the first line of a fence, as `> search {"query": "printer"}`, or as `refused> …` if it must
fail. What follows in the fence is written from a run. If its last line is `…`, it stays as many lines long.
The table of costs is written from the counts that tests compare with what is true.
"""

import json
import re
from collections.abc import Mapping, Sequence

from tests.examples.page import fenced
from tests.examples.values import Values
from tests.examples.world import Answer, World
from tests.harness.processes import REPOSITORY
from tests.work.counts import Counts, counted

FILE = REPOSITORY / "docs/agents.md"
LEFT_OUT = "…"

_BLOCK = re.compile(
    r"^(?P<fence>`{3,})text\n(?P<refused>refused)?> (?P<tool>\w+) (?P<rest>\{.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_COSTS = re.compile(r"(?<=\n\| what \| tokens \|\n\|---\|---\|\n)(?:\|.*\n)+")
_COST = re.compile(r"^\| (?P<what>.+?) \|.*$", re.MULTILINE)


async def answers(world: World, page: str) -> Sequence[Answer]:
    """What the page's calls get, made in their order by one user."""
    got = []
    for block in _BLOCK.finditer(page):
        arguments, _ = _call(block)
        answer = await world.call(block["tool"], arguments)
        refused = block["refused"] is not None
        assert answer.failed == refused, f"{block['tool']} {arguments}: {answer.text}"
        got.append(answer)
    return await world.shown(got)


def filled(page: str, answers: Sequence[Answer]) -> str:
    """The page with these answers, and with the present costs."""
    left = iter(answers)

    def block(found: re.Match[str]) -> str:
        _, end = _call(found)
        rest = found["rest"]
        call = f"{found['refused'] or ''}> {found['tool']} {rest[:end]}"
        return fenced("text", f"{call}\n{_shortened(next(left).text, rest[end:])}")

    return _COSTS.sub(_with_costs, _BLOCK.sub(block, page))


def _call(block: re.Match[str]) -> tuple[Values, int]:
    """The arguments, and where they end."""
    arguments, end = json.JSONDecoder().raw_decode(block["rest"])
    return arguments, end


def _shortened(text: str, before: str) -> str:
    shown = before.strip("\n").splitlines()
    if shown[-1:] != [LEFT_OUT]:
        return text
    return "\n".join([*text.splitlines()[: len(shown) - 1], LEFT_OUT])


def _with_costs(table: re.Match[str]) -> str:
    costs = _costs(counted())
    return _COST.sub(lambda row: f"| {row['what']} | {costs[row['what']]} |", table[0])


def _costs(counts: Counts) -> Mapping[str, str]:
    """What a row of the table may be about, with its tokens."""
    first = {toolset: sum(costs.values()) for toolset, costs in counts["at first"].items()}
    return {
        "all tools and the instructions": _about(first["all"]),
        "the tools of `work` and the instructions": _about(first["work"]),
        "ten everyday jobs with all tools": _of_jobs(counts, "all"),
        "ten everyday jobs with `work`": _of_jobs(counts, "work"),
        **{name: _about(tokens) for name, tokens in counts["answers"].items()},
    }


def _of_jobs(counts: Counts, toolset: str) -> str:
    costs = [journey[toolset] for journey in counts["journeys"].values()]
    calls, tokens = (sum(cost[name] for cost in costs) for name in ("calls", "tokens"))
    return f"{_about(tokens)}, in {calls} calls"


def _about(tokens: int) -> str:
    """The two first digits, as nobody needs more."""
    return f"{float(f'{tokens:.2g}'):,.0f}"
