"""The arguments and help pages of `toolbridge user`, `client` and `sign-in`."""

import click

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.groups import Group

names_argument = click.argument("names", nargs=-1, required=True, metavar="NAME...")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, with times in Unix seconds.")


@click.group(cls=Group)
def user() -> None:
    """Add, reset, disable or remove the people who sign in here.

    For deployments with TOOLBRIDGE_LOGIN=embedded. Works where the gateway's settings are: beside the stack
    of this machine, or in the container; `toolbridge tenant user` does the same for a tenant on Fly.io. A
    name that begins with a dash comes after --.
    """


@click.command()
@names_argument
@click.option("--shown", metavar="TEXT", help='The name that others see, such as "Ann Lee".')
@click.option(
    "--subject", metavar="TEXT", help="The user's sub in tokens, if there are items of it. Else a random one."
)
def add(names: tuple[str, ...], shown: str | None, subject: str | None) -> None:
    """Make users, and print an invitation link for each.

    A line has the name, a tab and the link. The person opens it and chooses a password. A link works for 7
    days.
    """
    from toolbridge_mcp.cli.sign_in import desk, users

    if len(names) > 1 and (shown is not None or subject is not None):
        raise WrongUsage("--shown and --subject are for one user; add the others by commands of their own.")
    desk.at_desk(lambda at: users.add(at, names, shown, subject))


@click.command()
@names_argument
def invite(names: tuple[str, ...]) -> None:
    """Print a new invitation link for users without a password.

    The link before it ends.
    """
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.invite(at, names))


@click.command()
@names_argument
def reset(names: tuple[str, ...]) -> None:
    """Sign users out everywhere, and print a link for a new password.

    Ends every session and every connected client of the user, and the wait after failed attempts. A link
    works for 24 hours.
    """
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.reset(at, names))


@click.command()
@names_argument
def disable(names: tuple[str, ...]) -> None:
    """Keep users out from now on.

    Ends every session and every connected client of the user. The items stay.
    """
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.disable(at, names))


@click.command()
@names_argument
def enable(names: tuple[str, ...]) -> None:
    """Let users in again who were disabled."""
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.enable(at, names))


@click.command()
@names_argument
def unlock(names: tuple[str, ...]) -> None:
    """End the wait after failed attempts to sign in."""
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.unlock(at, names))


@click.command()
@names_argument
@click.option("--items", "with_items", is_flag=True, help="Delete all that the users have, too.")
@click.option("--yes", is_flag=True, help="Needed, since a removed user cannot be brought back.")
def remove(names: tuple[str, ...], with_items: bool, yes: bool) -> None:
    """Remove users; their items stay, unless --items is given."""
    from toolbridge_mcp.cli.sign_in import desk, users

    if not yes:
        raise WrongUsage(
            "Nothing was removed: that needs --yes. `disable` keeps a user out, too, and can be undone."
        )
    desk.at_desk(lambda at: users.remove(at, names, with_items=with_items))


@click.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """Show all users: state, last sign-in, connected clients, lock."""
    from toolbridge_mcp.cli.sign_in import desk, users

    desk.at_desk(lambda at: users.show(at, as_json=as_json))


user.add_section("Commands", add, invite, reset, disable, enable, unlock, remove, list_users)


@click.group(cls=Group)
def client() -> None:
    """Give services an id and a secret, to sign in by themselves.

    A service acts as itself, with items of its own. For deployments with TOOLBRIDGE_LOGIN=embedded. The AI
    clients of people need none of this: they register by themselves. `toolbridge tenant client` does the
    same for a tenant on Fly.io.
    """


@click.command("add")
@click.argument("name")
@click.option("--write", "writes", is_flag=True, help="It may change items, too. Without it: read only.")
def add_client(name: str, writes: bool) -> None:
    """Make a service, and print its secret once.

    Standard output is the secret alone, so that a script can take it; the rest goes to standard error.
    """
    from toolbridge_mcp.cli.sign_in import desk, services

    desk.at_desk(lambda at: services.add(at, name, writes=writes))


@click.command("list")
@json_option
def list_clients(as_json: bool) -> None:
    """Show all services: scopes, state, last use."""
    from toolbridge_mcp.cli.sign_in import desk, services

    desk.at_desk(lambda at: services.show(at, as_json=as_json))


@click.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End a service: its secret and its tokens."""
    from toolbridge_mcp.cli.sign_in import desk, services

    desk.at_desk(lambda at: services.revoke(at, name))


client.add_section("Commands", add_client, list_clients, revoke)


@click.group("sign-in", cls=Group)
def sign_in() -> None:
    """Change the key that signs the tokens of the sign-in.

    For deployments with TOOLBRIDGE_LOGIN=embedded. `toolbridge tenant rotate-secret` changes the other
    secrets.
    """


@click.command("rotate-key")
@click.option("--withdraw", is_flag=True, help="Refuse tokens of the older keys at once, as after a leak.")
def rotate_key(withdraw: bool) -> None:
    """Make a new signing key; nobody is signed out.

    A deployment does this by itself every 90 days.
    """
    from toolbridge_mcp.cli.sign_in import desk, keys

    desk.at_desk(lambda at: keys.rotate(at, withdraw=withdraw))


sign_in.add_section("Commands", rotate_key)
