"""A new secret for the stack of this machine in three steps, of which none lets a call fail.

Each step replaces a file and waits until both programs have read it. How far the walk is, the file itself
says, so that a walk goes on where it was interrupted, and a step may be repeated.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolbridge_mcp.cli import key_files, settings_file
from toolbridge_mcp.cli.checkout import typed
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.key_files import Keys, Step, free_id, left, retires_on, today
from toolbridge_mcp.cli.running import take
from toolbridge_mcp.cli.tenant.rotation.new_key import NewKey
from toolbridge_mcp.cli.tenant.rotation.readers import SETTLE_SECONDS, Readers
from toolbridge_mcp.keyring import MAX_KEYS, Key
from toolbridge_mcp.uses import Use

Say = Callable[[str], None]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raises `Failure` if another command changes the keys in this folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not take(lock, patience=0):
            raise Failure(f"Another command changes the keys in {folder}; wait for it.")
        yield
    finally:
        os.close(lock)


@dataclass(frozen=True)
class Steps:
    """The three steps on the file of a use. `agrees` is called with the id of the new key before it signs,
    and raises `Failure` if somebody else does not know it yet."""

    path: Path
    new: NewKey
    readers: Readers
    say: Say
    agrees: Callable[[str], None]
    retire_now: bool

    def walk(self, only: Step | None) -> None:
        """Does one step, or all that are left. Raises `Failure`, and then everything works as it did."""
        steps: dict[Step, Callable[[], None]] = {
            "add": self._add,
            "switch": self._switch,
            "retire": self._retire,
        }
        for step in (only,) if only else left(key_files.read(self.path)):
            try:
                steps[step]()
            except (Failure, OSError) as error:
                raise Failure(_explained(step, error, self.path)) from error

    @property
    def _use(self) -> Use:
        return self.new.use

    def _add(self) -> None:
        keys = key_files.read(self.path)
        if keys.stage is not None:
            self._settle()
            self.say(f"add     done before; {keys.stage} is where the change of {keys.keys[0].id} is")
            return
        if len(keys.keys) == MAX_KEYS:
            raise Failure(f"there are {MAX_KEYS} keys already; take some out of {self.path}")
        new = self._changed_elsewhere(keys) or self.new.make(keys.keys)
        took = self._write(Keys((*keys.keys, new), "added", today()))
        self.say(f"add     {new.id} is accepted beside {keys.keys[0].id}{took}")

    def _changed_elsewhere(self, keys: Keys) -> Key | None:
        """The secret of the file of settings, if that is another one already: somebody has changed it there,
        or a stack on another data folder has. This stack then follows."""
        stored = settings_file.stored(self._use.secret)
        if stored is None or keys.has(stored):
            return None
        if self.new.file or self.new.id:
            raise Failure("the file of settings has another secret already; give no key, and it is taken")
        return Key(free_id(keys.keys, today()), today(), stored.encode())

    def _switch(self) -> None:
        keys = key_files.read(self.path)
        took = ""
        if keys.stage is None:
            raise Failure("no new key was added, so there is none to switch to; begin with --step add")
        if keys.stage == "added":
            self.agrees(keys.keys[-1].id)
            keys = Keys((keys.keys[-1], *keys.keys[:-1]), "switched", today())
            took = self._write(keys)
        else:
            self._settle()
        settings_file.change(self._use.secret, keys.keys[0].secret.decode())
        self.say(f"switch  {keys.keys[0].id} is the first, and the file of settings has it{took}")

    def _retire(self) -> None:
        keys = key_files.read(self.path)
        first, *others = keys.keys
        if not others:
            self.say(f"retire  done before; {first.id} is alone")
            return
        if keys.stage == "added" or settings_file.stored(self._use.secret) != first.secret.decode():
            raise Failure("the new key is not in use yet; do --step switch first")
        if (day := retires_on(self._use, keys)) and not self.retire_now:
            self.say(_later(self._use, others[0].id, day))
            return
        took = self._write(Keys((first,)))
        self.say(f"retire  {', '.join(key.id for key in others)} refused from now on{took}")

    def _write(self, keys: Keys) -> str:
        """Replaces the file, and returns how long it took until it was read."""
        mark, begun = self.readers.mark(), time.monotonic()
        key_files.write(self.path, keys)
        self.readers.wait([key.id for key in keys.keys], mark)
        return f"; {' and '.join(self.readers.names)} have read it after {time.monotonic() - begun:.1f} s"

    def _settle(self) -> None:
        """Waits until a change has been read that an earlier command made, perhaps just now."""
        time.sleep(min(SETTLE_SECONDS, max(0.0, self.path.stat().st_mtime + SETTLE_SECONDS - time.time())))


def _later(use: Use, old: str, day: str) -> str:
    command = f"tenant rotate-secret --use {use.name} --step retire"
    return (
        f"retire  not now: until {day} there may be tokens that {old} has signed. Then: {typed(command)}; "
        "or at once with --retire-now, if all their users shall get new ones"
    )


def _explained(step: Step, error: Failure | OSError, path: Path) -> str:
    """The name of a file is not in an error of writing, as of a full disk."""
    why = error.message if isinstance(error, Failure) else f"{error.filename or path}: {error.strerror}"
    return (
        f"{step}: {why.removesuffix('.')}. All keys that were in use are accepted, so nothing fails. Correct "
        "that, and give the command again: it goes on here."
    )
