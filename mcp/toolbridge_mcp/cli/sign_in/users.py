"""`toolbridge user`: the people who may sign in."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import click

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.sign_in import items, tables
from toolbridge_mcp.cli.sign_in.desk import Desk, for_each
from toolbridge_mcp.cli.sign_in.tables import moment, printable, table
from toolbridge_mcp.login.answers import Account, AccountWithLink
from toolbridge_mcp.login.failures import Exists, Unknown

Make = Callable[[str], Awaitable[AccountWithLink]]

PAGE = 500
TITLES = ("NAME", "SHOWN", "STATE", "LAST SIGN-IN", "CONNECTIONS", "LOCKED UNTIL", "SUBJECT")

EXISTS = (
    "{name} exists already, or the subject is another user's: `invite` makes a new link as long as there is "
    "no password, `reset` one for a new password."
)
UNKNOWN = "There is no user {name}: `list` shows all, and `add` makes one."
ACTIVE = "{name} has a password already: `reset` makes a link for another one."
IS_DISABLED = "{name} is disabled: `enable` comes first."

INVITED = (
    "Give each link to its person alone, on a way that nobody else reads: whoever opens it first chooses the "
    "password. It works once, until {until}. `invite` makes a new one in its place."
)
RESET = (
    "Signed out everywhere: every session and every connected client of the user has ended, and access "
    "tokens stop within 3 s. Give each link to its person alone; it is for a new password, and works once, "
    "until {until}."
)
DISABLED = (
    "{name} is disabled: every session and every connected client has ended, access tokens stop within 3 s, "
    "and nobody can sign in. The items stay. `enable` undoes it."
)
ENABLED = "{name} may sign in again, with the password as before. Clients have to be connected again."
ENABLED_AS_INVITED = "{name} is enabled, and has no password: `invite` makes a link; the last one has ended."
UNLOCKED = "{name} may try to sign in again at once."
REMOVED = (
    "{name} is removed. The items stay, under the subject {subject}. To delete them: `add` a user with "
    "--subject {subject}, and `remove` it with --items."
)
REMOVED_WITH_ITEMS = (
    "{name} is removed, and the items are deleted. The journal and backups keep what docs/security.md says."
)


async def add(desk: Desk, names: Sequence[str], shown: str | None, subject: str | None) -> None:
    """Makes users, and prints a link for each."""

    async def one(name: str) -> AccountWithLink:
        try:
            return await desk.api.add_account(name, shown=shown, subject=subject)
        except Exists as error:
            raise Failure(EXISTS.format(name=printable(name))) from error

    await _print_links(desk, names, one, INVITED)


async def invite(desk: Desk, names: Sequence[str]) -> None:
    """Prints a new link for each user who has no password yet."""

    async def one(name: str) -> AccountWithLink:
        user = await _found(desk, name)
        if user.state != "invited":
            said = IS_DISABLED if user.state == "disabled" else ACTIVE
            raise Failure(said.format(name=printable(name)))
        return await desk.api.new_link(user.id, "invitation")

    await _print_links(desk, names, one, INVITED)


async def reset(desk: Desk, names: Sequence[str]) -> None:
    """Signs users out everywhere, and prints a link for a new password for each."""

    async def one(name: str) -> AccountWithLink:
        user = await _found(desk, name)
        if user.state == "disabled":
            raise Failure(IS_DISABLED.format(name=printable(name)))
        return await desk.api.new_link(user.id, "reset")

    await _print_links(desk, names, one, RESET)


async def _print_links(desk: Desk, names: Sequence[str], make: Make, said: str) -> None:
    """A line for each name, so that a script can take them apart, and then what to do with the links."""
    made: list[AccountWithLink] = []

    async def one(name: str) -> None:
        made.append(await make(name))
        click.echo(f"{printable(made[-1].account.name)}\t{desk.link(made[-1].link.token)}")

    try:
        await for_each(names, one)
    finally:
        if made:
            click.echo(said.format(until=moment(min(each.link.expires_at for each in made))), err=True)


async def disable(desk: Desk, names: Sequence[str]) -> None:
    await _each_found(desk, names, lambda user: desk.api.disable(user.id), DISABLED)


async def enable(desk: Desk, names: Sequence[str]) -> None:
    async def one(name: str) -> None:
        user = await desk.api.enable((await _found(desk, name)).id)
        said = ENABLED_AS_INVITED if user.state == "invited" else ENABLED
        click.echo(said.format(name=printable(user.name)), err=True)

    await for_each(names, one)


async def unlock(desk: Desk, names: Sequence[str]) -> None:
    await _each_found(desk, names, lambda user: desk.api.unlock(user.id), UNLOCKED)


async def remove(desk: Desk, names: Sequence[str], *, with_items: bool) -> None:
    async def one(user: Account) -> None:
        if with_items:
            await items.delete(desk, user)
        await desk.api.remove(user.id)

    await _each_found(desk, names, one, REMOVED_WITH_ITEMS if with_items else REMOVED)


async def _each_found(
    desk: Desk, names: Sequence[str], change: Callable[[Account], Awaitable[object]], said: str
) -> None:
    async def one(name: str) -> None:
        user = await _found(desk, name)
        await change(user)
        click.echo(said.format(name=printable(user.name), subject=printable(user.subject)), err=True)

    await for_each(names, one)


async def _found(desk: Desk, name: str) -> Account:
    try:
        return await desk.api.account_named(name)
    except Unknown as error:
        raise Failure(UNKNOWN.format(name=printable(name))) from error


async def show(desk: Desk, *, as_json: bool) -> None:
    """Prints all users."""
    users = [user async for user in _users(desk)]
    if as_json:
        click.echo(tables.as_json(users))
        return
    if not users:
        click.echo("There are no users yet: `add` makes one.", err=True)
        return
    click.echo(table(TITLES, [_row(user, time.time()) for user in users]))


async def _users(desk: Desk) -> AsyncIterator[Account]:
    page = await desk.api.accounts(limit=PAGE)
    while True:
        for user in page.accounts:
            yield user
        if page.next is None:
            return
        page = await desk.api.accounts(after=page.next, limit=PAGE)


def _row(user: Account, now: float) -> Sequence[str]:
    locked = user.locked_until if user.locked_until and user.locked_until > now else None
    return (
        user.name,
        user.shown,
        user.state,
        moment(user.last_sign_in_at),
        str(user.connections),
        moment(locked),
        user.subject,
    )
