"""The tree of errors, and the texts that a model reads."""

import re
from collections.abc import Iterator

import pytest

from toolbridge_mcp import errors
from toolbridge_mcp.errors import AnswerTooLong, BadAnswer, NotFound, RateLimited, ToolBridgeError


def kinds_of(error: type[ToolBridgeError]) -> Iterator[type[ToolBridgeError]]:
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


ALL = list(kinds_of(ToolBridgeError))
WORDS = {"word": "chat message", "words": "chat messages", "kind": "chat_message", "plural": "chat_messages"}


def drawn() -> dict[str, str]:
    """Each class of the tree in the module's docstring, and the class above it."""
    above: list[tuple[int, str]] = [(-1, "")]
    tree = {}
    tree_text = (errors.__doc__ or "").split("\n\n")[2]
    for indent, name in re.findall(r"^( *)(\w+)", tree_text, re.MULTILINE):
        while above[-1][0] >= len(indent):
            above.pop()
        if name[0].isupper():
            tree[name] = above[-1][1]
            above.append((len(indent), name))
    return tree


def test_the_tree_at_the_top_of_the_file_is_the_one_in_it() -> None:
    parents = {error.__name__: error.__mro__[1].__name__ for error in ALL}
    assert drawn() == {**parents, "ToolBridgeError": ""}


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_text_is_whole_whatever_is_known(error: type[ToolBridgeError]) -> None:
    given = dict.fromkeys(("problems", "scope", "whose", "limit", "size", "most", "features"), "given")
    text = error(facts=given).text({**WORDS, "waited": 1}, "c-1")
    assert not {"{", "}", "?"} & set(text)
    assert text.endswith("Correlation id: c-1.")
    assert "{" not in str(error())


def test_the_errors_own_facts_come_before_those_of_the_call() -> None:
    assert "no note with" in NotFound(facts={"word": "note"}).text(WORDS)
    assert "no chat message with" in NotFound().text(WORDS)
    assert "Correlation id: own." in NotFound(correlation_id="own").text(WORDS, "other")


def test_a_model_waits_as_long_as_the_api_asks_for_and_else_a_little() -> None:
    assert "Wait 7 seconds" in str(RateLimited(wait_seconds=7))
    assert f"Wait {errors.DEFAULT_WAIT_SECONDS} seconds" in str(RateLimited())


def test_more_facts_make_another_error_and_leave_this_one() -> None:
    error = AnswerTooLong("why", correlation_id="c", facts={"limit": 5}, wait_seconds=3)
    more = error.with_facts(limit=6, consequence="nothing was changed")
    assert type(more) is AnswerTooLong
    assert "longer than 5 bytes and was not read; nothing was changed" in str(more)
    assert (more.message, more.correlation_id, more.wait_seconds) == ("why", "c", 3)
    assert "a change may have been made" in str(error)
    assert isinstance(more, BadAnswer)
