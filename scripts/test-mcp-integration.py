"""Tests a running stack end to end with the official MCP SDK. scripts/test-mcp-e2e.sh starts it.

Prints a line for each check. The totals go to the file that TOOLBRIDGE_E2E_TOTALS names, else to the
last line. What is to know of the stack is read from the environment, by `Stack.from_environment`.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from e2e import cost, crashes, logs, races, refusals, second_stack, surface
from e2e.callers import token
from e2e.main_job import Import
from e2e.report import Report, say
from e2e.stack import Stack


async def main_job(report: Report, job: Import) -> None:
    await report.check("documents become notes, tasks, comments, chats", job.documents_become_items())
    await report.check("texts read through REST are byte-identical", job.texts_are_the_same_through_rest())
    await report.check("pages hold each item once", job.pages_hold_each_item_once())
    await report.check("items are changed, archived and deleted as asked", job.work_is_done())
    await report.check("pages hold each changed item once", job.pages_hold_each_item_once())
    await report.check("everything read through REST is as expected", job.everything_is_as_expected())


async def tools(report: Report, stack: Stack) -> None:
    await report.check("tools/list is complete and small", surface.the_list_is_complete_and_small(stack))
    everything = surface.all_tools_succeed(stack.gateway, token(stack, "everything"))
    await report.check("all tools succeed", everything)
    two_hops = second_stack.all_tools_succeed_without_in_band_sessions(stack)
    await report.check("all tools succeed without in-band sessions", two_hops)


async def parallel_writes(report: Report, stack: Stack) -> None:
    await report.check("parallel patches keep all keys, through MCP", races.patches_through_tools(stack))
    await report.check("parallel patches keep all keys, through REST", races.patches_through_rest(stack))
    await report.check("one conditional write wins, through MCP", races.conditions_through_tools(stack))
    await report.check("one conditional write wins, through REST", races.conditions_through_rest(stack))


async def refused(report: Report, stack: Stack) -> None:
    await report.check("bad uids cause no request to the API", refusals.bad_uids_reach_no_api(stack))
    await report.check("the API refuses strangers", refusals.strangers_are_refused_by_the_api(stack))
    await report.check("the gateway refuses strangers", refusals.strangers_are_refused_by_the_gateway(stack))
    await report.check("a session is closed to other users", refusals.a_session_is_closed_to_others(stack))
    await report.check("users see nothing of each other", refusals.users_see_nothing_of_each_other(stack))


async def costs(report: Report, stack: Stack) -> None:
    await report.check("one request to the API for a call", cost.one_request_for_a_call(stack))
    say(f"info {await cost.processor_time(stack)}")


async def killed(report: Report, stack: Stack) -> None:
    await report.check("the API killed under load comes back", crashes.the_api_is_killed(stack))
    await report.check("the gateway killed under load comes back", crashes.the_gateway_is_killed(stack))


async def run(report: Report) -> None:
    # A termination must leave the blocks that stop the programs started here.
    this = asyncio.current_task()
    if this:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    stack = Stack.from_environment()
    job = Import(stack)
    await main_job(report, job)
    await tools(report, stack)
    await parallel_writes(report, stack)
    await refused(report, stack)
    await costs(report, stack)
    await killed(report, stack)
    await report.check("logs hold nothing confided", logs.nothing_confided_is_logged(stack, job))


def main() -> None:
    # The SDK logs with a stack trace what a check here expects, such as a broken stream.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    report = Report()
    try:
        asyncio.run(run(report))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    if totals := os.environ.get("TOOLBRIDGE_E2E_TOTALS"):
        Path(totals).write_text(report.totals() + "\n")
    else:
        say(report.totals())
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
