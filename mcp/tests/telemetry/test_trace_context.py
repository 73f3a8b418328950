"""The trace that a caller names: which ones are valid, and that the API gets to know of them."""

from pathlib import Path

import pytest

from tests.harness.clients import token
from tests.harness.misbehaving import ITEM, MisbehavingApi, answer, gateway_before, misbehaving, received
from tests.telemetry.raw_clients import TRANSPORTS
from toolbridge_mcp.telemetry.trace_context import MAX_STATE, TraceContext, context_in, trace_context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
OTHER = f"00-{TRACE[::-1]}-{SPAN}-00"
STATE = "rojo=00f067aa0ba902b7,congo@x=t61r cW*kgMzE"
UID = "0b1e7f9c-1111-4222-8333-444455556666"


@pytest.mark.parametrize(
    ("parent", "known"),
    [
        (PARENT, PARENT),
        (PARENT[:-1] + "3", PARENT[:-1] + "3"),
        (f"cc-{TRACE}-{SPAN}-01", PARENT),
        (f"cc-{TRACE}-{SPAN}-09-what.the-future-brings", PARENT),
        *(
            (wrong, None)
            for wrong in (
                "",
                PARENT + "-more",
                PARENT + " ",
                " " + PARENT,
                PARENT.upper(),
                PARENT[:-1],
                f"ff-{TRACE}-{SPAN}-01",
                f"cc-{TRACE}-{SPAN}-01.more",
                f"00-{'0' * 32}-{SPAN}-01",
                f"00-{TRACE}-{'0' * 16}-01",
                f"00-{TRACE}-{SPAN}-0g",
                PARENT.replace("-", "_"),
                PARENT[:-2] + "\n1",
                PARENT[:-2] + "\u0661\u0661",
            )
        ),
    ],
)
def test_a_traceparent_is_read_by_the_rules_of_w3c(parent: str, known: str | None) -> None:
    found = trace_context(parent, ())
    assert (found and found.parent) == known


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        ([STATE], STATE),
        (["a=1", "b=2"], "a=1,b=2"),
        (["a=1,,b=2 "], "a=1,,b=2"),
        (["1tenant@system=x"], "1tenant@system=x"),
        (["a=" + "x" * 256], "a=" + "x" * 256),
        *(
            ([wrong], "")
            for wrong in (
                "a",
                "A=1",
                "a=1=2",
                "a=\u00e9",
                "a=1\r\nb: 2",
                "a=" + "x" * 257,
                ",".join(f"k{i}=1" for i in range(33)),
                ",".join(f"k{i}={'x' * 100}" for i in range(MAX_STATE // 100)),
            )
        ),
    ],
)
def test_a_tracestate_is_kept_if_it_is_valid_and_short(states: list[str], kept: str) -> None:
    assert trace_context(PARENT, states) == TraceContext(PARENT, kept)


def test_the_parts_of_a_context() -> None:
    context = TraceContext(PARENT)
    assert (context.trace_id, context.span_id, context.flags) == (TRACE, SPAN, 1)


@pytest.mark.parametrize("meta", [{}, {"traceparent": 7}, {"traceparent": None}, {"x/traceparent": PARENT}])
def test_a_message_may_name_no_trace(meta: dict[str, object]) -> None:
    assert context_in(meta) is None


def test_a_tracestate_that_is_no_text_is_left_out() -> None:
    assert context_in({"traceparent": PARENT, "tracestate": [STATE]}) == TraceContext(PARENT)


def sent_to(api: MisbehavingApi) -> tuple[str | None, str | None]:
    headers = received(api.requests[-1])
    return headers.get("traceparent"), headers.get("tracestate")


@pytest.mark.anyio
@pytest.mark.parametrize("short_way", ["true", "false"])
async def test_the_trace_of_a_call_goes_on_to_the_api(short_way: str, tmp_path: Path) -> None:
    named = {"traceparent": PARENT, "tracestate": STATE}
    get = {"name": "get_note", "arguments": {"uid": UID}}
    async with (
        misbehaving(answer(ITEM)) as api,
        gateway_before(api, tmp_path, TOOLBRIDGE_SHORT_WAY=short_way) as gateway,
    ):
        for transport in TRANSPORTS.values():
            async with transport(gateway.url, token("ann")) as send:
                await send("tools/call", get)
                assert sent_to(api) == (None, None)
                await send("tools/call", get, {"traceparent": OTHER})
                assert sent_to(api) == (OTHER, None)
                await send("tools/call", {**get, "_meta": named}, {"traceparent": OTHER, "tracestate": "a=1"})
                assert sent_to(api) == (PARENT, STATE)
                await send("tools/call", {**get, "_meta": {"traceparent": "00-1-2-01"}}, {"traceparent": "0"})
                assert sent_to(api) == (None, None)
        assert len(api.requests) == 12
