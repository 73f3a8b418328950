"""Tables of names of any script."""

from toolbridge_mcp.cli.sign_in.tables import moment, table


def test_columns_are_as_wide_as_a_terminal_shows_them() -> None:
    made = table(("A", "B"), [("日本", "1"), ("e\N{COMBINING ACUTE ACCENT}", "2"), ("abc", "3")])
    assert made.splitlines() == ["A     B", "日本  1", "e\N{COMBINING ACUTE ACCENT}     2", "abc   3"]


def test_what_would_act_on_the_terminal_is_replaced() -> None:
    made = table(("A",), [("a\x1b[2Jb\N{RIGHT-TO-LEFT OVERRIDE}c",)])
    assert made == "A\na\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"


def test_times_are_those_of_greenwich() -> None:
    assert moment(0) == "1970-01-01 00:00 UTC"
    assert moment(None) == "-"
