"""The user `dev` of a stack that has no users, so that somebody can sign in as soon as it runs."""

import secrets
from typing import NamedTuple

from toolbridge_mcp.cli.sign_in.desk import Desk, at_desk
from toolbridge_mcp.login.answers import Account
from toolbridge_mcp.login.failures import Unknown

NAME = "dev"
"""Also the subject, which is that of the token that is printed beside: both see the same items."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look like others."""
GROUPS, LETTERS_EACH = 4, 4
"""79 bits of chance."""

HERE = "127.0.0.1"


class FirstUser(NamedTuple):
    """`password` is there when the user was made just now: it is kept nowhere."""

    name: str
    password: str | None


def first_user() -> FirstUser | None:
    """The user, made now if the stack has none; None if there are only others. Raises `Failure`."""
    found: list[FirstUser | None] = []

    async def work(desk: Desk) -> None:
        found.append(await _first_user(desk))

    at_desk(work)
    return found[0]


async def _first_user(desk: Desk) -> FirstUser | None:
    state = await desk.api.state()
    if not state.accounts:
        added = await desk.api.add_account(NAME, subject=NAME)
        return await _with_password(desk, added.link.token)
    try:
        user = await desk.api.account_named(NAME)
    except Unknown:
        return None
    return await _unfinished(desk, user) if user.state == "invited" else FirstUser(user.name, None)


async def _unfinished(desk: Desk, user: Account) -> FirstUser:
    """A start was ended between the two steps, or somebody has invited a user of this name."""
    if user.subject != NAME:
        return FirstUser(user.name, None)
    return await _with_password(desk, (await desk.api.new_link(user.id, "invitation")).link.token)


async def _with_password(desk: Desk, link: str) -> FirstUser:
    password = _new_password()
    begun = await desk.api.redeem_link(link, password=password, address=HERE)
    await desk.api.end_session(begun.session)
    return FirstUser(begun.account.name, password)


def _new_password() -> str:
    """Five different characters are asked for, and few of these passwords have less."""
    while True:
        letters = [secrets.choice(LETTERS) for _ in range(GROUPS * LETTERS_EACH)]
        if len(set(letters)) > LETTERS_EACH:
            break
    parts = ["".join(letters[at : at + LETTERS_EACH]) for at in range(0, len(letters), LETTERS_EACH)]
    return "-".join(parts)
