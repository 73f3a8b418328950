"""The keys of the stack on this machine, each use in a file of the data folder.

Both programs read these files again when they change, so that `toolbridge tenant rotate-secret` can change a
secret while they run. Which secret is the present one, `.env` or the environment says: a file without it is
made anew.
"""

import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

from toolbridge_mcp.cli import private_files
from toolbridge_mcp.cli.checkout import HOME
from toolbridge_mcp.environment import has_own_api
from toolbridge_mcp.keyring import MAX_FILE_BYTES, ONLY_ID, Key, WrongKeys, parse
from toolbridge_mcp.uses import TOKEN, USES, Use

FOLDER = "keys"
HEADER = "# Made by toolbridge; `toolbridge tenant rotate-secret` changes it. Only its owner may read it.\n"
_STAGE = re.compile(r"^# rotation: (added|switched) (\d{4}-\d\d-\d\d)$", re.MULTILINE)

Stage = Literal["added", "switched"]
Step = Literal["add", "switch", "retire"]
STEPS: tuple[Step, ...] = ("add", "switch", "retire")
TOKEN_DAYS = 30
"""How long a token of `toolbridge token` lasts."""


@dataclass(frozen=True)
class Keys:
    """What a file holds. While a secret is changed, `stage` is how far that is, reached on the day `since`:
    `added` if the last key is the new one, `switched` if it is the first and the others are to go."""

    keys: tuple[Key, ...]
    stage: Stage | None = None
    since: date | None = None

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Raises `WrongKeys`."""
        keys = parse(text)
        found = _STAGE.search(text)
        if found is None or len(keys) == 1:
            return cls(keys)
        return cls(keys, "added" if found[1] == "added" else "switched", date.fromisoformat(found[2]))

    def text(self) -> str:
        stage = f"# rotation: {self.stage} {self.since}\n" if self.stage else ""
        return HEADER + stage + "".join(f"{word(key)}\n" for key in self.keys)

    def has(self, secret: str) -> bool:
        return secret.encode() in [key.secret for key in self.keys]


def left(keys: Keys) -> tuple[Step, ...]:
    """The steps of a walk that are not done. The one that was reached last is repeated, since it may have
    been interrupted."""
    return STEPS if keys.stage in {None, "added"} else STEPS[1:]


def retires_on(use: Use, keys: Keys) -> str | None:
    """The day before which tokens may be in use that the key which goes has signed. None if it has passed."""
    if use is not TOKEN or keys.since is None:
        return None
    day = keys.since + timedelta(days=TOKEN_DAYS)
    return str(day) if day > today() else None


def word(key: Key) -> str:
    """A key as lists have it. It must have a day."""
    return f"{key.id}:{key.made}:{key.secret.decode()}"


def today() -> date:
    """The day in UTC, as lists of keys have it."""
    return datetime.now(UTC).date()


def day_of(key_id: str) -> date:
    """The day that an id of `free_id` says, else today."""
    found = re.match(r"k(\d{4}-\d\d-\d\d)", key_id)
    try:
        return date.fromisoformat(found[1]) if found else today()
    except ValueError:
        return today()


def free_id(taken: Sequence[Key], day: date) -> str:
    """An id that says the day on which the key was made. It is not that of an earlier key of this day, even
    of one that is gone: each is numbered beyond those that are there."""
    first = f"k{day}"
    found = [re.fullmatch(rf"{first}(?:-(\d{{1,9}}))?", key.id) for key in taken]
    numbers = [int(one[1] or 1) for one in found if one]
    return f"{first}-{max(numbers) + 1}" if numbers else first


def data_folder(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("TOOLBRIDGE_DATA_DIR") or HOME / ".toolbridge/data").resolve()


def path_of(data: Path, use: Use) -> Path:
    return data / FOLDER / use.name


def read(path: Path) -> Keys:
    """Raises `WrongKeys` if they cannot be used, OSError if there are none."""
    with path.open("rb") as file:
        return Keys.of_text(file.read(MAX_FILE_BYTES).decode(errors="replace"))


def write(path: Path, keys: Keys) -> None:
    """Replaces the file in one step, and removes what a command left that was killed while it did that. No
    other command may write there meanwhile. Raises OSError, and then leaves the file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    for leftover in path.parent.glob(f"{private_files.prefix(path)}*"):
        leftover.unlink()
    private_files.replace(path, keys.text())


def bare_secret(use: Use, environment: Mapping[str, str]) -> str | None:
    """The secret that a use has a file for. None if the operator gives lists, files or a key set, or gives
    the gateway something else than the API; and if the secret cannot be in a list, as one with a comma."""
    if use.every_source & environment.keys() != {use.secret}:
        return None
    secret = environment[use.secret]
    try:
        (key,) = parse(f"k:{today()}:{secret}")
    except ValueError:
        return None
    return secret if key.secret == secret.encode() else None


def in_place_of_secrets(environment: Mapping[str, str], data: Path) -> dict[str, str]:
    """The same environment with the names of files in place of bare secrets. The files are there. Raises
    OSError."""
    made = dict(environment)
    day = today()
    # A signature names its key, and an API that runs elsewhere knows the same secret under its own id.
    name = free_id((), day) if has_own_api(environment) else ONLY_ID
    for use in USES.values():
        if secret := bare_secret(use, environment):
            _settle(path_of(data, use), Key(name, day, secret.encode()))
            _name_file(made, use, data)
    return made


def adopt(environment: MutableMapping[str, str]) -> None:
    """Names the files of the stack in place of bare secrets, for a command that signs as the stack does. A
    file that cannot be read, or has other keys, belongs to something else."""
    data = data_folder(environment)
    for use in USES.values():
        secret = bare_secret(use, environment)
        if secret and _has(path_of(data, use), secret):
            _name_file(environment, use, data)


def _name_file(environment: MutableMapping[str, str], use: Use, data: Path) -> None:
    del environment[use.secret]
    environment[use.file] = str(path_of(data, use))


def _settle(path: Path, key: Key) -> None:
    """Makes the file of this key alone, unless it has its secret already."""
    if not _has(path, key.secret.decode()):
        write(path, Keys((key,)))


def _has(path: Path, secret: str) -> bool:
    """Whether the file can be used and has this secret."""
    try:
        return os.access(path, os.R_OK) and read(path).has(secret)
    except (OSError, WrongKeys):
        return False
