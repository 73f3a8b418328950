"""A new secret for a tenant on Fly.io. Its programs get secrets from Fly.io when they start.

For the signatures, one restart gives gateway and API the new key at once, so the steps fall together. An API
that runs elsewhere gets the new key first, and then this gives it to the gateway. For tokens, the programs
accept the old key beside the new one until a step of its own.
"""

import os
from pathlib import Path

import click

from toolbridge_mcp.cli import key_files, private_files
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.cli.key_files import STEPS, Keys, Step, free_id, left, retires_on, today, word
from toolbridge_mcp.cli.tenant.files import TOKEN_SECRET, has_given_api, has_key_set, has_own_users
from toolbridge_mcp.cli.tenant.place import Place
from toolbridge_mcp.cli.tenant.rotation.new_key import NewKey
from toolbridge_mcp.cli.tenant.rotation.steps import alone
from toolbridge_mcp.environment import FLEET_SECRET
from toolbridge_mcp.keyring import Key, WrongKeys, parse
from toolbridge_mcp.uses import TENANT, TOKEN


def rotate(place: Place, new: NewKey, step: Step | None, *, retire_now: bool) -> None:
    """Does one step, or all that are left, or prints the commands of each in a dry run. Raises `Failure`."""
    if new.use is TENANT:
        _Tenant(place, new).walk(step)
        return
    if has_key_set(place.folder):
        raise WrongUsage("Tokens come from your identity provider: change its key there, and publish both.")
    if has_own_users(place.folder) and not (_file(place).exists() or os.environ.get(TOKEN.secret)):
        raise WrongUsage(
            "This tenant signs its tokens itself, with a key that `toolbridge tenant sign-in rotate-key "
            f"{place.name}` changes."
        )
    tokens = _Tokens(place, new, retire_now=retire_now)
    if place.fly.dry_run:
        tokens.walk(step)
        return
    with alone(_file(place).parent):
        tokens.walk(step)


def _file(place: Place) -> Path:
    """Fly.io never gives a secret back, so the list of what it has for tokens is here."""
    return key_files.path_of(place.folder, TOKEN)


class _Tenant:
    """The steps for the signatures between gateway and API."""

    def __init__(self, place: Place, new: NewKey) -> None:
        self._place = place
        self._new = new
        self._alone = has_given_api(place.folder)

    def walk(self, only: Step | None) -> None:
        if self._alone and not self._new.is_known_elsewhere:
            raise WrongUsage(
                "The API of this tenant runs elsewhere and has the same secret: add a key there first, and "
                f"then give it here with --key, or set {FLEET_SECRET}."
            )
        if self._alone and not (self._new.file or self._new.id):
            raise WrongUsage("Give --id: that of the key which was added at the API, and is derived from it.")
        for step in (only,) if only else STEPS:
            {"add": self._add, "switch": self._switch, "retire": self._retire}[step]()

    def _add(self) -> None:
        where = "at the API, which runs elsewhere: before this" if self._alone else "done with switch"
        _say(f"add     {where}")

    def _switch(self) -> None:
        who = "the gateway restarts and signs" if self._alone else "both programs restart"
        keys = () if self._place.fly.dry_run else (self._new.make(),)
        named = "".join(f" {key.id}" for key in keys)
        _say(f"switch  {who} with the new key{named}")
        _put(self._place, self._new, keys)

    def _retire(self) -> None:
        where = "at the API: take the old key away there" if self._alone else "done with switch"
        _say(f"retire  {where}")


class _Tokens:
    """The steps for the users' tokens."""

    def __init__(self, place: Place, new: NewKey, *, retire_now: bool) -> None:
        self._place = place
        self._new = new
        self._retire_now = retire_now
        self._path = _file(place)
        self._issuer = place.folder / TOKEN_SECRET
        self._dry = place.fly.dry_run

    def walk(self, only: Step | None) -> None:
        steps = STEPS if self._dry else left(self._present())
        for step in (only,) if only else steps:
            {"add": self._add, "switch": self._switch, "retire": self._retire}[step]()

    def _add(self) -> None:
        _say("add     the machine restarts and accepts the new key beside the present one")
        if self._dry:
            _put(self._place, self._new, ())
            return
        keys = self._present()
        if keys.stage is None:
            keys = Keys((*keys.keys, self._new.make(keys.keys)), "added", today())
            key_files.write(self._path, keys)
        _put(self._place, self._new, keys.keys)

    def _switch(self) -> None:
        _say(f"switch  {self._issuer} has the new secret: give it to what signs tokens")
        if self._dry:
            return
        keys = self._present()
        if keys.stage is None:
            raise Failure("switch: no new key was added; begin with --step add.")
        if keys.stage == "added":
            keys = Keys((keys.keys[-1], *keys.keys[:-1]), "switched", today())
            key_files.write(self._path, keys)
        private_files.replace(self._issuer, keys.keys[0].secret.decode() + "\n")

    def _retire(self) -> None:
        again = f"`toolbridge tenant rotate-secret {self._place.name} --use token --step retire`"
        if self._dry:
            _say(f"retire  when the tokens of the old key have expired, by {again}: the machine restarts")
            _put(self._place, self._new, ())
            return
        keys = self._present()
        if keys.stage == "added":
            raise Failure("retire: the new key is not in use yet; do --step switch first.")
        if (day := retires_on(TOKEN, keys)) and not self._retire_now:
            _say(f"retire  not before {day}, by {again}; or with --retire-now, when no such token is in use")
            return
        _say("retire  the machine restarts and refuses tokens of the old key")
        key_files.write(self._path, Keys(keys.keys[:1]))
        _put(self._place, self._new, keys.keys[:1])

    def _present(self) -> Keys:
        """What Fly.io has: the list that is kept here, or else the one secret that it was given."""
        try:
            return key_files.read(self._path)
        except WrongKeys as error:
            raise Failure(f"{self._path} {error}; correct it.") from error
        except FileNotFoundError:
            secret = os.environ.get(TOKEN.secret) or self._kept()
        try:
            (key,) = parse(f"{free_id((), today())}-old:{today()}:{secret}")
        except ValueError as error:
            raise WrongUsage(
                f"The present secret is not known here; set {TOKEN.secret} to it in the environment."
            ) from error
        return Keys((Key(key.id, key.made, key.secret),))

    def _kept(self) -> str:
        return self._issuer.read_text().strip() if self._issuer.exists() else ""


def _put(place: Place, new: NewKey, keys: tuple[Key, ...]) -> None:
    """Gives Fly.io a list in place of what it has, and restarts the machines. Without keys in a dry run."""
    use, where = new.use, ("--app", place.app)
    listed = ",".join(word(key) for key in keys)
    place.fly.run("secrets", "import", "--stage", *where, given={use.keys: listed})
    if place.fly.dry_run or use.secret in _names(place):
        place.fly.run("secrets", "unset", use.secret, "--stage", *where)
    place.fly.run("secrets", "deploy", *where)


def _names(place: Place) -> set[str]:
    """The secrets that Fly.io has for the app. flyctl has written the key of the name in two ways."""
    found = place.fly.json("secrets", "list", "--app", place.app)
    return {str(one.get("name") or one.get("Name")) for one in found}


def _say(text: str) -> None:
    click.echo(f"# {text}")
