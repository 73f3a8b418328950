"""Accounts through a backup, a restore under other secrets, and an upgrade of a database that had none.

The API from before is built, with `go` from PATH, from a copy of this checkout without their migrations.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.clients import over_http, over_sse, token
from tests.harness.processes import REPOSITORY, api_process, gateway_process, running
from tests.harness.table import head, row
from tests.login.embedded import EMBEDDED, Embedded
from tests.login.people import people
from tests.telemetry.raw_clients import alone
from toolbridge_mcp.login.failures import Unknown

pytestmark = [pytest.mark.anyio, pytest.mark.trouble]
OTHER_SECRET = "another-tenant-secret-0123456789abcdef"
PUBLIC = "https://tools.example"
PING = {"id": 1, "method": "ping"}


def api_without_accounts(folder: Path) -> Path:
    copy = shutil.copytree(REPOSITORY / "api", folder / "api")
    migrations = list(copy.glob("internal/store/*/migrations/*_login.sql"))
    assert len(migrations) == 2
    for migration in migrations:
        migration.unlink()
    binary = folder / "older-api"
    subprocess.run(["go", "build", "-o", str(binary), "./cmd/toolbridge-api"], cwd=copy, check=True)
    return binary


@contextmanager
def one_of(api_binary: Path, folder: Path, **settings: str) -> Iterator[Embedded]:
    given = {**EMBEDDED, "TOOLBRIDGE_PUBLIC_URL": PUBLIC, **settings}
    api = api_process(api_binary, folder, **given)
    gateway = gateway_process(api.url, folder, **given)
    with running(api), running(gateway):
        yield Embedded(api, gateway)


def run(binary: Path, folder: Path, *arguments: str) -> None:
    environment = {"DATABASE_URL": f"sqlite://{folder}/toolbridge.db"}
    done = subprocess.run([binary, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def status(url: str, bearer: str) -> int:
    async with alone(url, bearer) as client:
        return (await client.post(PING)).status_code


async def test_nobody_signs_in_anew_after_a_restore_under_another_secret(
    api_binary: Path, tmp_path: Path
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    head("backup, and restore under another tenant secret", "then")
    with one_of(api_binary, there) as before:
        async with before.people() as known:
            ann = await known.signed_in("ann@tools.example")
            hers = await known.connected(ann)
            async with over_sse(before.gateway.url, hers.access) as tools:
                note = await tools.call("create_note", title="kept", content="c")
            seal = (await known.api.state()).seal
            later = await known.connected(ann)
            await asyncio.to_thread(run, api_binary, there, "backup", str(tmp_path / "backup.db"))
            later = await known.renewed(later)
    run(api_binary, here, "restore", str(tmp_path / "backup.db"))
    with one_of(api_binary, here, TENANT_HEADER_SECRET=OTHER_SECRET) as after:
        async with people(after.api.url, PUBLIC, TENANT_HEADER_SECRET=OTHER_SECRET) as known:
            refused = await status(after.gateway.url, hers.access)
            row("the access token from before", refused)
            assert refused == 401, "its key was sealed with the other secret"
            renewed = await known.renewed(hers)
            async with over_http(after.gateway.url, renewed.access) as tools:
                kept = await tools.call("get_note", uid=note["uid"])
            row("the refresh token from before", "good for a new access token, which reads the item")
            assert kept["uid"] == note["uid"]
            session = await known.api.read_session(ann.session)
            row("the browser's session", f"is {session.account.name}'s still")
            assert session.account.id == ann.account.id
            assert (await known.api.state()).seal == seal, "the ids of registered clients stay"
            await known.renewed(renewed)
            with pytest.raises(Unknown):
                await known.renewed(later)
            row("a refresh token from after the backup", "is unknown: its client signs in anew")


async def test_a_database_from_before_accounts_gets_them(api_binary: Path, tmp_path: Path) -> None:
    older = api_without_accounts(tmp_path)
    api = api_process(older, tmp_path)
    gateway = gateway_process(api.url, tmp_path)
    with running(api), running(gateway):
        async with over_http(gateway.url, token("dev")) as tools:
            note = await tools.call("create_note", title="from before", content="c")
    head("upgrade of a database without accounts", "then")
    with one_of(api_binary, tmp_path) as after:
        async with over_http(after.gateway.url, token("dev")) as tools:
            assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
        row("a token of the shared secret", "reads the item")
        async with after.people() as known:
            link = (await known.api.add_account("dev@tools.example", subject="dev")).link
            dev = await known.redeemed(link.token)
            async with over_http(after.gateway.url, (await known.connected(dev)).access) as tools:
                assert (await tools.call("get_note", uid=note["uid"]))["uid"] == note["uid"]
        row("an account that was tied to the user", "reads the item")
