"""The gateway's own metrics of calls."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from toolbridge_mcp.metrics.counts import key_ages, key_problems, login_age
from toolbridge_mcp.metrics.families import counter, gauge, histogram
from toolbridge_mcp.metrics.world import World, declared
from toolbridge_mcp.telemetry import OK, STAGES, traces_dropped
from toolbridge_mcp.telemetry.tallies import BYTES_PER_TOKEN, SECONDS

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def own(world: World) -> Iterator[Metric]:
    calls = world.calls
    known = [((tool,), 0.0) for tool in sorted(declared.tools)]
    yield counter(
        "toolbridge_calls_total",
        "Calls of tools, resources, prompts and completions: ok, the kind of error, or cancelled.",
        ("tool", "outcome"),
        [
            *(((tool, OK), 0.0) for tool in sorted(declared.tools)),
            *(((tally.kind.name, tally.kind.outcome), tally.count) for tally in calls),
        ],
    )
    yield histogram(
        "toolbridge_call_seconds",
        "Time from the arrival of a call until its answer was made.",
        ("tool",),
        (((tally.kind.name,), list(tally.durations), tally.seconds) for tally in calls),
        counted=SECONDS,
        shown=BUCKETS,
    )
    sums = [sum(tally.stage_seconds[place] for tally in calls) for place in range(len(STAGES))]
    yield histogram(
        "toolbridge_stage_seconds",
        "Time that calls spent in each stage: verify the token, wait to be admitted, sign, wait for the API "
        "(upstream), and shape the result.",
        ("stage",),
        (
            ((stage,), list(durations), total)
            for stage, durations, total in zip(STAGES, world.of_process.stages, sums, strict=True)
        ),
        counted=SECONDS,
        shown=BUCKETS,
    )
    yield counter(
        "toolbridge_request_bytes_total",
        "Bytes of the messages that asked for calls.",
        ("tool",),
        [*known, *(((tally.kind.name,), tally.bytes_in) for tally in calls)],
    )
    yield counter(
        "toolbridge_result_bytes_total",
        "Bytes of the texts that results gave a model to read, in UTF-8.",
        ("tool",),
        [*known, *(((tally.kind.name,), tally.result_bytes) for tally in calls)],
    )
    yield counter(
        "toolbridge_result_tokens_total",
        f"About how many tokens these texts cost a model: one for each {BYTES_PER_TOKEN} bytes.",
        ("tool",),
        [*known, *(((tally.kind.name,), tally.result_bytes // BYTES_PER_TOKEN) for tally in calls)],
    )
    yield gauge(
        "toolbridge_key_age_seconds",
        "Time since the day on which each live secret was made, if it is known, by its use and id.",
        ("use", "key"),
        key_ages(),
    )
    yield gauge(
        "toolbridge_keys_problem",
        "1 while the file with the secrets of this use cannot be used, else 0.",
        ("use",),
        key_problems(),
    )
    yield gauge(
        "toolbridge_login_state_age_seconds",
        "Time since the API told the keys of the sign-in and what was revoked; without any, since the start. "
        "0 without TOOLBRIDGE_LOGIN=embedded.",
        (),
        login_age(),
    )
    yield counter(
        "toolbridge_traces_dropped_total",
        "Spans that were not exported, because there were too many or nobody took them.",
        (),
        [((), traces_dropped())],
    )
