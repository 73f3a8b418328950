"""Whatever comes in, a line of JSON goes out."""

import io
import json
import re

from toolbridge_mcp.supervision.lines import LONGEST, JsonLines, Readable


def parsed(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


def test_a_programs_own_json_passes_as_it_is() -> None:
    line = b'{"time":"t","level":"info","message":"x \xc3\xa9"}\n'
    assert JsonLines().feed(line * 2) == line * 2


def test_a_line_of_supervisord_keeps_its_level() -> None:
    said = b"2026-01-02 03:04:05,678 WARN exited: api (terminated by SIGKILL; not expected)\n"
    (line,) = parsed(JsonLines().feed(said))
    assert line["level"] == "warning"
    assert line["logger"] == "supervisord"
    assert line["message"] == "exited: api (terminated by SIGKILL; not expected)"
    assert str(line["time"]).endswith("+00:00")


def test_any_other_text_is_an_error() -> None:
    lines = parsed(JsonLines().feed(b'Traceback (most recent call last):\n\n  File "x"\n\xff{"half\n'))
    assert [line["message"] for line in lines] == [
        "Traceback (most recent call last):",
        '  File "x"',
        '\ufffd{"half',
    ]
    assert {line["level"] for line in lines} == {"error"}


def test_a_line_may_come_in_pieces() -> None:
    lines = JsonLines()
    assert lines.feed(b'{"a":') == b""
    assert lines.feed(b'1}\n{"b"') == b'{"a":1}\n'
    assert lines.feed(b":2}") == b""
    assert lines.end() == b'{"b":2}\n'
    assert lines.end() == b""


def test_people_get_text_line_by_line() -> None:
    output = io.BytesIO()
    written = '{"time": "2026-01-02T03:04:05+00:00", "level": "info", "logger": "l", "message": "m\\u2028"}\n'
    shown = Readable(output, coloured=False)
    for chunk in (written * 2, "", "half"):
        shown.write(chunk.encode())
    assert re.fullmatch(rb"(\d\d:\d\d:\d\d\.000 info  l  m\\u2028\n){2}half\n", output.getvalue())


def test_output_without_line_ends_is_cut() -> None:
    (line,) = parsed(JsonLines().feed(b"x" * (LONGEST + 1)))
    assert len(str(line["message"])) == LONGEST + 1
