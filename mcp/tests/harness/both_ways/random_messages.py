"""Random messages with a tool call, and what its tool returns: usual, but for a few parts of each."""

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from tests.harness.both_ways.records import Headers, Transport
from tests.harness.clients import META
from toolbridge_mcp.tools.results import Result
from toolbridge_mcp.web.envelope import NotAMessage, envelope_of

Part = TypeVar("Part")

ODDITIES = 0.05
"""How likely each part of a message is to be unusual."""

DEEP, DEEPER = "[" * 90 + "]" * 90, "[" * 400 + "]" * 400
VALUES = [
    *(
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "-0.0",
        "1e400",
        "-1e400",
        "1e-400",
        "0.1",
        "1E5",
        "1e22",
        "9007199254740993",
    ),
    *(
        "18446744073709551616",
        "9" * 40,
        "9" * 5_000,
        "NaN",
        "Infinity",
        "01",
        "+1",
        ".5",
        "1.",
        "true",
        "null",
    ),
    *('""', '"text"', '"\\u2028\\u0085"', '"\u2028\u2029\u0085"', '"\\ud83d\\ude00"', '"\U0001f600"'),
    *(
        '"\\ud83d"',
        '"\\udc00\\ud800"',
        '"\\u0000"',
        '"\\u001f\\u007f"',
        '"\ufeff"',
        '"\\/\\b\\f"',
        '"\\x"',
        '"\t"',
    ),
    *("[]", "{}", "[1,[2,[3]]]", DEEP, DEEPER, '{"a":1,"a":2}', '{"":0}', '{"__proto__":{}}', "[,]", "[1,]"),
    json.dumps("x" * 70_000),
]
IDS = [
    *("0", "-1", "1.0", "1e3", "1.5", "null", "true", "[]", "9007199254740993", "9" * 30, '""', '"7"'),
    *('"\u00e4"', '"\u2028"', '"\\ud800"', '"\\u0000"', json.dumps("x" * 300), '"_GET_stream"'),
]
NAMES = [
    '"get_note"',
    '"no_such_tool"',
    '""',
    '"\u00e4"',
    '"\\u0000"',
    '"\\ud800"',
    "1",
    "null",
    '"get_note "',
]
METAS = [
    *("{}", "null", "[]", '"x"', '{"progressToken":1}', '{"progressToken":"p"}', '{"progressToken":1.0}'),
    *(
        '{"progressToken":null}',
        '{"progressToken":true}',
        '{"progressToken":{}}',
        '{"progressToken":%s}' % ("9" * 30),
    ),
    *('{"fastmcp":{}}', '{"fastmcp":{"version":"9"}}', '{"_fastmcp":{}}', '{"fastmcp":null}'),
    '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"a=b","baggage":"x"}',
    *(
        '{"traceparent":1}',
        '{"vscode.conversationId":"c","vscode.requestId":"r"}',
        '{"claudecode/toolUseId":"t"}',
    ),
    *(
        '{"io.modelcontextprotocol/related-task":{"taskId":"t"}}',
        '{"io.modelcontextprotocol/logLevel":"debug"}',
    ),
    *(
        '{"io.modelcontextprotocol/logLevel":"loud"}',
        '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}',
    ),
    *(
        '{"io.modelcontextprotocol/x":1}',
        '{"a":"\\ud800"}',
        '{"a":1e400,"b":[[]]}',
        *('{"toolbridge/timings":true}', '{"toolbridge/timings":true,"progressToken":1}'),
        *('{"toolbridge/timings":1}', '{"toolbridge/timings":"true"}', '{"toolbridge/timings":false}'),
        '{"progressToken":1,"progressToken":2}',
    ),
]
MORE = [
    '"extra":1',
    '"result":{}',
    '"jsonrpc":"2.0"',
    '"jsonrpc":"1.0"',
    '"id":8',
]
MORE_PARAMS = [
    *(
        '"extra":1',
        '"task":{"ttl":1}',
        '"requestState":"x"',
        '"inputResponses":{}',
        '"name":"list_notes"',
        '"cursor":"c"',
    ),
    '"arguments":{"uid":"2"}',
]
TYPES = [
    *(
        [b"application/json; charset=utf-8"],
        [b"application/json;charset=UTF-8"],
        [b"Application/JSON"],
        [b"text/plain"],
    ),
    *([], [b""], [b"application/json;"], [b"application/json, text/plain"], [b"application/json"] * 2),
    *(
        [b"application/jsonp"],
        [b"application/json;x"],
        [b"application/json; charset=latin-1"],
        [b" application/json "],
    ),
]
ACCEPTS = [
    *(
        [b"text/event-stream, application/json"],
        [b"*/*"],
        [b"application/json"],
        [b"text/event-stream"],
        [],
        [b""],
    ),
    *(
        [b"application/*"],
        [b"application/json;q=0, text/event-stream"],
        [b"APPLICATION/JSON, TEXT/EVENT-STREAM"],
    ),
    *(
        [b"application/json", b"text/event-stream"],
        [b"application/json,text/event-stream;q=0.5"],
        [b"*"],
        [b"x/y"],
    ),
    [b"application/json" + b";q=0.1" * 500],
]
VERSION_HEADERS = [[version.encode()] for version in HANDSHAKE_PROTOCOL_VERSIONS] + [
    [],
    [b"1999-01-01"],
    [b""],
    [b"2025-11-25"] * 2,
]
AROUND = [
    (b"", b"\n"),
    (b" \r\n\t", b" "),
    (b"\xef\xbb\xbf", b""),
    (b"\x00", b""),
    (b"", b"{}"),
    (b"", b"\x00"),
    (b"\x0b", b""),
]

TEXTS = [
    *(
        "",
        "text",
        "\u00e4\u2028\u2029\u0085\ufeff",
        "\U0001f600",
        "\x00\x1f\x7f\x80\xad",
        '"\\/\b\f\n\r\t',
        "<&>'",
        "\u200b",
    ),
    *("\u202e", "\uffff", "x" * 900_000, "\u00e4\u2028" * 60_000, "data: 1\r\n\r\nevent: x\n\n", "]]>"),
]
STRUCTURES: list[dict[str, Any]] = [
    {},
    {
        "zero": -0.0,
        "one": 1.0,
        "int": 1,
        "big": 10**30,
        "max": 2**63,
        "true": True,
        "none": None,
        "nested": {"a": [{}]},
    },
    {
        "floats": [
            1e16,
            1e22,
            1e-7,
            5e-324,
            1.7976931348623157e308,
            0.1,
            123456789.123,
            1e15,
            -1.5e-10,
            2.5e20,
        ]
    },
    {
        "\u00e4\u2028": "\U0001f600\u2029\u0085",
        "b": 1,
        "a": 2,
        "": "",
        "_meta": {"x": 1},
        "isError": True,
        "$ref": "#",
    },
    {"items": [{"uid": str(number), "payload": {"n": number / 7}} for number in range(3_000)]},
    {"deep": json.loads(DEEP)},
]


class Message(NamedTuple):
    """What is posted, and what becomes of the call."""

    body: bytes
    headers: Headers
    outcome: Result | Exception


class RandomMessages:
    """Random messages of one transport."""

    def __init__(self, transport: Transport, seed: int) -> None:
        self._random = random.Random(seed)
        self._transport = transport
        self._id = 0

    def message(self) -> Message:
        """The next message that the door would let in."""
        while True:
            name = self._one('"get_note"', NAMES)
            body = self._around(self._body(name).encode())
            with suppress(NotAMessage):
                envelope_of(body)
                return Message(body, self._headers(name), self._outcome())

    def _one(self, usual: Part, others: Sequence[Part]) -> Part:
        return self._random.choice(others) if self._random.random() < ODDITIES else usual

    def _body(self, name: str) -> str:
        self._id += 1
        method = self._one('"tools/call"', ['"tools\\/call"', '"tools/call "', '"Tools/call"', '"ping"', "1"])
        members = [
            '"jsonrpc":"2.0"',
            f'"id":{self._one(str(self._id), IDS)}',
            f'"method":{method}',
            f'"params":{self._one(self._params(name), ["null", "[]", "{}", "1"])}',
        ]
        return self._object(members, MORE)

    def _params(self, name: str) -> str:
        members = [f'"name":{name}']
        if self._random.random() < 0.9:
            members.append(f'"arguments":{self._one(self._arguments(), ["null", "[]", "1", chr(34) * 2])}')
        if self._transport is Transport.ALONE:
            members.append(f'"_meta":{self._one(self._envelope(), METAS)}')
        elif self._random.random() < 0.5:
            members.append(f'"_meta":{self._random.choice(METAS)}')
        return self._object(members, MORE_PARAMS)

    def _envelope(self) -> str:
        more = json.dumps(META)[:-1]
        meta = self._one("{}", [meta for meta in METAS if meta[0] == "{"])
        return f"{more},{meta[1:]}" if meta != "{}" else json.dumps(META)

    def _arguments(self) -> str:
        some = self._random.randrange(4)
        members = [
            f'"{key}":{self._value()}' for key in self._random.sample(["uid", "title", "a", "\u00e4"], some)
        ]
        return self._object(members, ['"uid":"2"'])

    def _value(self) -> str:
        return str(self._random.choice(VALUES)) if self._random.random() < 0.4 else '"v"'

    def _object(self, members: list[str], more: Sequence[str]) -> str:
        if self._random.random() < ODDITIES:
            members = [*members, self._random.choice(more)]
        if self._random.random() < ODDITIES:
            self._random.shuffle(members)
        space = self._one("", [" ", "\n", "\t"])
        return "{" + f",{space}".join(members) + space + "}"

    def _around(self, body: bytes) -> bytes:
        before, after = self._one((b"", b""), AROUND)
        body = before + body + after
        return self._one(
            body, [body[:-1], body + b"\xff", body.replace(b'"v"', b'"\xff"'), body.decode().encode("utf-16")]
        )

    def _headers(self, name: str) -> Headers:
        lines: list[tuple[bytes, list[bytes]]] = [
            (b"host", [b"127.0.0.1"]),
            (b"content-type", self._one([b"application/json"], TYPES)),
            (b"accept", self._one([b"application/json, text/event-stream"], ACCEPTS)),
        ]
        if self._transport is Transport.SESSION:
            lines.append((b"mcp-protocol-version", self._random.choice(VERSION_HEADERS)))
        if self._transport is Transport.ALONE:
            usual = [name.strip('"').encode()]
            lines += [
                (b"mcp-protocol-version", [b"2026-07-28"]),
                (
                    b"mcp-method",
                    self._one([b"tools/call"], [[], [b"Tools/Call"], [b"tools/list"], [b"tools/call"] * 2]),
                ),
                (
                    b"mcp-name",
                    self._one(usual, [[], [b"=?base64?Z2V0X25vdGU=?="], usual * 2, [b"x"], [b"get_note "]]),
                ),
                (b"mcp-param-uid", self._one([], [[b"1"]])),
            ]
        return [(key, value) for key, values in lines for value in values]

    def _outcome(self) -> Result | Exception:
        texts = tuple(self._random.choice(TEXTS) for _ in range(self._random.choice([1, 1, 1, 0, 2, 3])))
        structure = self._random.choice([None, *STRUCTURES])
        result: Result | Exception = Result(texts, structure, is_error=self._random.random() < 0.2)
        return self._one(result, [RuntimeError("secret"), ValueError("secret"), KeyError("secret")])
