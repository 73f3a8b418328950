"""`toolbridge sign-in rotate-key`: another key that signs access tokens."""

import click

from toolbridge_mcp.cli.sign_in.desk import Desk
from toolbridge_mcp.cli.sign_in.tables import moment, table

TITLES = ("KEY", "STATE", "MADE")
ROTATED = (
    "The new key signs when every program has had the time to read it, within two minutes. Nobody is signed "
    "out: tokens of the older keys are accepted until they expire."
)
WITHDRAWN = (
    "Tokens of the older keys are refused within 3 s. Nobody has to sign in again: clients get new tokens by "
    "themselves."
)


async def rotate(desk: Desk, *, withdraw: bool) -> None:
    """Makes a new key, and prints all that there are."""
    keys = await desk.api.rotate_keys(withdraw=withdraw)
    click.echo(table(TITLES, [(key.id, key.state, moment(key.made_at)) for key in keys]))
    click.echo(WITHDRAWN if withdraw else ROTATED, err=True)
