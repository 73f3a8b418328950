"""The tokenizer of the tests counts as others do that have the same vocabulary."""

import pytest

from tests.harness.tokens import count

COUNTED = {
    'The café opens at 08:30; don\'t be late — "really"!': 16,
    "東京都の会議は明日です。请把这份报告发给张伟。회의록을 정리했습니다.": 26,
    "ประชุมวันพรุ่งนี้ مرحبا بالعالم שלום עולם हिन्दी": 12,
    "👨‍👩‍👧 😀🏳️‍🌈 ok\u202e x\U000e0041": 22,
    "3f9a01bc-4d2e-4c51-9b7a-08d1c2e3f4a5": 32,
    '{"uid":"3f9a01bc","version":3,"tags":["ops","q4"]}': 22,
    "  \n\n\t  a   b\r\n   \n": 7,
    "<|endoftext|> <|im_start|>": 13,
}
"""Texts and their tokens as `gpt-tokenizer` 4.0.0 of npm and `bpe-openai` 0.1.4 of PyPI count them."""


@pytest.mark.parametrize("text", COUNTED)
def test_a_text_has_as_many_tokens_as_other_tokenizers_count(text: str) -> None:
    assert count(text) == COUNTED[text]
