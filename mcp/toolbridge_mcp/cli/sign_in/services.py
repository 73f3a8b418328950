"""`toolbridge client`: services that sign in by themselves, with an id and a secret."""

from collections.abc import Sequence

import click

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.sign_in import tables
from toolbridge_mcp.cli.sign_in.desk import Desk
from toolbridge_mcp.cli.sign_in.tables import moment, printable, table
from toolbridge_mcp.login.answers import Service
from toolbridge_mcp.login.failures import Exists

TITLES = ("NAME", "CLIENT ID", "MAY", "STATE", "MADE", "LAST USED")
EXISTS = "There is a service {name} already: `revoke` ends it, or give the new one another name."
UNKNOWN = "There is no service {name}: `list` shows all, and `add` makes one."
ADDED = """Client id       {id}
Client secret   on standard output, shown this once; it is not stored
Token endpoint  {address}/token (grant type client_credentials)
May             {may}
"""
REVOKED = "{name} gets no more tokens, and those that it has stop within 3 s. Its items stay."


async def add(desk: Desk, name: str, *, writes: bool) -> None:
    """Prints the secret alone to standard output."""
    scopes = [desk.settings.scope_read, *([desk.settings.scope_write] if writes else [])]
    try:
        added = await desk.api.add_service(name, scopes)
    except Exists as error:
        raise Failure(EXISTS.format(name=printable(name))) from error
    may = " and ".join(added.service.scopes)
    click.echo(ADDED.format(id=added.service.id, address=desk.address, may=may), err=True, nl=False)
    click.echo(added.secret)


async def show(desk: Desk, *, as_json: bool) -> None:
    """Prints all services."""
    services = await desk.api.services()
    if as_json:
        click.echo(tables.as_json(services))
        return
    if not services:
        click.echo("There are no services yet: `add` makes one.", err=True)
        return
    click.echo(table(TITLES, [_row(service) for service in services]))


async def revoke(desk: Desk, name: str) -> None:
    """`name` may be the client id, too."""
    for service in await desk.api.services():
        if name in {service.name, service.id} and service.state != "revoked":
            await desk.api.revoke_service(service.id)
            click.echo(REVOKED.format(name=printable(service.name)), err=True)
            return
    raise Failure(UNKNOWN.format(name=printable(name)))


def _row(service: Service) -> Sequence[str]:
    return (
        service.name,
        service.id,
        " ".join(service.scopes),
        service.state,
        moment(service.created_at),
        moment(service.used_at),
    )
