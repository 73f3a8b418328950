"""`toolbridge user`: people get links, and what they may do ends when an operator says so."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cli.sign_in.operator import ADDRESS, HERE, PASSWORD, Operator
from tests.harness.clients import Rest, token
from toolbridge_mcp.login.failures import SignInRefused, TooManyAttempts, Unknown

pytestmark = pytest.mark.anyio
DAY = 24 * 60 * 60


def users(operator: Operator) -> dict[str, Mapping[str, Any]]:
    return {user["name"]: user for user in json.loads(operator("user", "list", "--json").stdout)}


async def accept(operator: Operator, link: str) -> str:
    """The session of a person who has opened the link and chosen a password."""
    async with operator.api() as api:
        return (await api.redeem_link(link, password=PASSWORD, address=HERE)).session


async def is_open(operator: Operator, session: str) -> bool:
    async with operator.api() as api:
        try:
            await api.read_session(session)
        except Unknown:
            return False
        return True


async def test_a_link_is_printed_with_what_to_do_with_it(operator: Operator) -> None:
    said = operator("user", "add", "ann", "--shown", "Ann Lee", "--subject", "ann-of-crm")
    assert re.fullmatch(rf"ann\t{ADDRESS}/invitation\?token=tbl_[\w-]{{43}}\n", said.stdout)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * DAY))
    assert f"It works once, until {day} " in said.stderr
    assert "to its person alone" in said.stderr
    found = users(operator)["ann"]
    assert (found["shown"], found["subject"], found["state"]) == ("Ann Lee", "ann-of-crm", "invited")
    session = await accept(operator, said.stdout.strip().partition("token=")[2])
    assert await is_open(operator, session)
    assert users(operator)["ann"]["state"] == "active"
    assert users(operator)["ann"]["lastSignInAt"] == pytest.approx(time.time(), abs=60)


def test_each_of_several_names_has_a_line_and_one_that_exists_keeps_none_from_being_made(
    operator: Operator,
) -> None:
    operator("user", "add", "bob")
    said = operator.tries("user", "add", "cem", "Bob", "Dea Óg 日本", " blank", "--", "-eve")
    assert said.returncode == 1
    assert [line.split("\t")[0] for line in said.stdout.splitlines()] == ["cem", "Dea Óg 日本", "-eve"]
    assert "Bob: Bob exists already" in said.stderr
    assert "`invite` makes a new link" in said.stderr
    assert "`reset`" in said.stderr
    assert " blank: name must have 1 to 128 visible characters" in said.stderr
    assert said.stderr.endswith("Error: Not done for 2 of 5; see above.\n")
    assert {"cem", "Dea Óg 日本", "-eve"} <= users(operator).keys()


async def test_a_new_invitation_ends_the_one_before(operator: Operator) -> None:
    first = operator.links("user", "add", "fay")["fay"]
    second = operator.links("user", "invite", "fay")["fay"]
    with pytest.raises(Unknown):
        await accept(operator, first)
    await accept(operator, second)
    said = operator.tries("user", "invite", "fay")
    assert said.returncode == 1
    assert said.stderr == "Error: fay has a password already: `reset` makes a link for another one.\n"


async def test_a_reset_signs_out_everywhere_and_ends_the_password(operator: Operator) -> None:
    session = await accept(operator, operator.links("user", "add", "gus")["gus"])
    said = operator("user", "reset", "GUS")
    assert "Signed out everywhere" in said.stderr
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + DAY))
    assert f"until {day} " in said.stderr
    assert not await is_open(operator, session)
    async with operator.api() as api:
        with pytest.raises(SignInRefused):
            await api.begin_session("gus", password=PASSWORD, address=HERE)
    again = operator.links("user", "reset", "gus")["gus"]
    await accept(operator, again)


async def test_a_disabled_user_is_out_until_enabled(operator: Operator) -> None:
    session = await accept(operator, operator.links("user", "add", "hal")["hal"])
    said = operator("user", "disable", "hal")
    assert "access tokens stop within 3 s" in said.stderr
    assert not await is_open(operator, session)
    assert users(operator)["hal"]["state"] == "disabled"
    for command in ("invite", "reset"):
        said = operator.tries("user", command, "hal")
        assert (said.returncode, said.stderr) == (1, "Error: hal is disabled: `enable` comes first.\n")
    operator("user", "enable", "hal")
    async with operator.api() as api:
        await api.begin_session("hal", password=PASSWORD, address=HERE)


async def test_an_invited_user_who_was_disabled_needs_a_new_link(operator: Operator) -> None:
    first = operator.links("user", "add", "tom")["tom"]
    operator("user", "disable", "tom")
    said = operator("user", "enable", "tom")
    assert "`invite` makes a link" in said.stderr
    with pytest.raises(Unknown):
        await accept(operator, first)
    await accept(operator, operator.links("user", "invite", "tom")["tom"])


async def test_a_locked_user_is_shown_and_unlocked(operator: Operator) -> None:
    await accept(operator, operator.links("user", "add", "ida")["ida"])
    async with operator.api() as api:
        for _ in range(10):
            with pytest.raises(SignInRefused):
                await api.begin_session("ida", password="wrong but long enough", address=HERE)
        with pytest.raises(TooManyAttempts):
            await api.begin_session("ida", password=PASSWORD, address=HERE)
        until = users(operator)["ida"]["lockedUntil"]
        assert until > time.time()
        (line,) = [line for line in operator("user", "list").stdout.splitlines() if line.startswith("ida ")]
        assert time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until)) in line
        operator("user", "unlock", "ida")
        await api.begin_session("ida", password=PASSWORD, address=HERE)


def test_a_removal_wants_a_word_and_says_what_stays(operator: Operator) -> None:
    operator("user", "add", "joe", "--subject", "joe-of-crm")
    said = operator.tries("user", "remove", "joe")
    assert said.returncode == 2
    assert "needs --yes" in said.stderr
    assert "joe" in users(operator)
    said = operator("user", "remove", "joe", "--yes")
    assert "The items stay, under the subject joe-of-crm." in said.stderr
    assert "joe" not in users(operator)


async def test_a_removal_can_delete_the_items_and_those_alone(operator: Operator) -> None:
    operator("user", "add", "lou", "--subject", "lou-of-crm")
    operator("user", "disable", "lou")
    mine, others = Rest(operator.url, token("lou-of-crm")), Rest(operator.url, token("max-of-crm"))
    for rest in (mine, others):
        await rest.json("POST", "/v1/notes", json={"title": "Milk"})
    said = operator("user", "remove", "lou", "--items", "--yes")
    assert "the items are deleted" in said.stderr
    assert "lou" not in users(operator)
    assert await mine.all_uids("notes") == []
    assert len(await others.all_uids("notes")) == 1
    for rest in (mine, others):
        await rest.aclose()


@pytest.mark.parametrize("command", ["invite", "reset", "disable", "enable", "unlock", "remove"])
def test_a_name_that_nobody_has(command: str, operator: Operator) -> None:
    said = operator.tries("user", command, "nobody", *(["--yes"] if command == "remove" else []))
    assert said.returncode == 1
    assert said.stderr == "Error: There is no user nobody: `list` shows all, and `add` makes one.\n"


def test_the_list_is_a_table_with_columns_below_their_titles(operator: Operator) -> None:
    operator("user", "add", "日本", "zoe")
    title, *lines = operator("user", "list").stdout.splitlines()
    assert title.split() == [
        *("NAME", "SHOWN", "STATE", "LAST", "SIGN-IN", "CONNECTIONS", "LOCKED", "UNTIL", "SUBJECT"),
    ]
    (wide,) = [line for line in lines if line.startswith("日本")]
    (narrow,) = [line for line in lines if line.startswith("zoe")]
    assert title.index("STATE") == narrow.index("invited") == wide.index("invited") + 2 * len("日本")


def test_a_name_shown_and_a_subject_are_for_one_user(operator: Operator) -> None:
    said = operator.tries("user", "add", "kim", "lea", "--shown", "Kim")
    assert (said.returncode, "kim" in users(operator)) == (2, False)
