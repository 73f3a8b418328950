"""What a text costs a model: its tokens in o200k, the vocabulary of widely used models."""

from functools import cache

from splintr import AnyTokenizer, Tokenizer


@cache
def _tokenizer() -> AnyTokenizer:
    """The vocabulary is part of the package, so that no test needs the network."""
    return Tokenizer.from_pretrained("o200k_base")


def count(text: str) -> int:
    """The tokens of the text; names of control tokens in it count as the characters they are."""
    return len(_tokenizer().encode_ordinary(text))
