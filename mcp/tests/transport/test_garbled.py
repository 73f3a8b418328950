"""Answers that are changed at random, cut and sent in odd pieces: each ends in a known way, and soon."""

import asyncio
import random
from collections import Counter

import pytest

from tests.transport.peer import Conversation, ask, playing, pool_to
from tests.transport.test_answers import BROKEN, CLOSED, KEPT, NO_HTTP
from toolbridge_mcp.errors import BadAnswer
from toolbridge_mcp.transport import AnswerLost

pytestmark = pytest.mark.anyio
WHOLE = [sent for sent, *_ in (*KEPT.values(), *CLOSED.values())]
SENT = [
    sent for sent in (*WHOLE, *(sent for sent, _ in BROKEN.values()), *NO_HTTP.values()) if len(sent) < 999
]
FIELDS = [b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n"]
PIECES = [b"\r\n", b"\n", b"\0", *FIELDS]
REQUESTS = 300


def garbled(chance: random.Random) -> bytes:
    sent = bytearray(chance.choice(SENT))
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        place = chance.randrange(len(sent) + 1)
        match chance.randrange(4):
            case 0:
                sent[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del sent[place : place + chance.randrange(1, 9)]
            case 2:
                sent[place:place] = chance.choice(SENT)[: chance.randrange(60)]
            case _:
                sent[place:place] = chance.choice(PIECES)
    return bytes(sent)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_answer_ends_in_a_known_way_and_leaves_the_pool_in_order(seed: int) -> None:
    chance = random.Random(seed)
    ends: Counter[str] = Counter()

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.request()
            sent = garbled(chance)
            while sent:
                size = chance.choice([1, 3, len(sent)])
                await conversation.say(sent[:size])
                sent = sent[size:]
            if chance.random() < 0.97:
                return  # half an answer ends with its connection, not only with its deadline

    async with playing(script) as peer, pool_to(peer.url, limit=5) as pool:

        async def send() -> None:
            try:
                await ask(pool, chance.choice(["GET", "POST", "HEAD"]), seconds=1, connect_seconds=5)
            except (BadAnswer, AnswerLost) as error:
                ends[type(error).__name__] += 1
            else:
                ends["answer"] += 1

        for _ in range(REQUESTS // 5):
            await asyncio.gather(*(send() for _ in range(5)))
        assert (pool._taken, len(pool._waiting)) == (0, 0)
        assert pool._open == set(pool._idle)
    await peer.until_all_closed()
    assert min(ends[name] for name in ("answer", "BadAnswer", "AnswerLost")) > REQUESTS // 50
    assert ends.total() == REQUESTS
