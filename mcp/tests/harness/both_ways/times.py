"""Answers without the times in them, which differ from call to call."""

import re
from dataclasses import replace

from tests.harness.both_ways.records import Answer
from toolbridge_mcp.telemetry import TIMINGS

_OF_HEADER = re.compile(rb"dur=[0-9]+\.[0-9]{3}\b")
_OF_META = re.compile(rb'"%b":\{[^{}]*\}' % TIMINGS.encode())
_NUMBER = re.compile(rb'(?<=_ms":)[0-9]+\.[0-9]{1,3}(?=[,}])')


def without_times(answer: Answer) -> Answer:
    """The answer with 0 in place of each time, and the length that it then has."""
    body = _without_times(answer.body)
    shorter = len(answer.body) - len(body)
    headers = [(name, _in_header(name, value, shorter)) for name, value in answer.headers]
    return replace(
        answer, headers=headers, body=body, events=[_without_times(event) for event in answer.events]
    )


def _in_header(name: bytes, value: bytes, shorter: int) -> bytes:
    if name == b"server-timing":
        return _OF_HEADER.sub(b"dur=0", value)
    return b"%d" % (int(value) - shorter) if name == b"content-length" and shorter else value


def _without_times(text: bytes) -> bytes:
    if TIMINGS.encode() not in text:
        return text
    return _OF_META.sub(lambda found: _NUMBER.sub(b"0", found[0]), text)
