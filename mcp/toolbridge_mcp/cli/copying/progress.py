"""How far copying has come, in a file: a run that was ended goes on there."""

import json
from pathlib import Path
from typing import Any

from toolbridge_mcp.cli.copying.side import Side
from toolbridge_mcp.cli.failures import Failure


class Progress:
    """Written in one step after every page. It holds cursors and uids, no token and no content."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._all: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        except (OSError, ValueError) as error:
            raise Failure(f"{file} cannot be read; delete it to copy from the beginning.") from error

    def of(self, source: Side, target: Side) -> "UserProgress":
        """The progress of one user between two APIs."""
        name = " ".join((source.place.url, source.user, "to", target.place.url, target.user))
        return UserProgress(self, self._all.setdefault(name, {"cursors": {}, "revived": []}))

    def save(self) -> None:
        temporary = self._file.with_name(f"{self._file.name}.new")
        try:
            temporary.write_text(json.dumps(self._all, indent=1))
            temporary.replace(self._file)
        except OSError as error:
            raise Failure(
                f"{self._file} cannot be written ({error.strerror}); name another --state."
            ) from error


class UserProgress:
    def __init__(self, whole: Progress, mine: dict[str, Any]) -> None:
        self._whole, self._mine = whole, mine

    def cursor(self, plural: str) -> str | None:
        found: str | None = self._mine["cursors"].get(plural)
        return found

    def reached(self, plural: str, cursor: str | None) -> None:
        self._mine["cursors"][plural] = cursor
        self._whole.save()

    @property
    def revived(self) -> list[tuple[str, str]]:
        """Plural and uid of parents that are alive at the target only until their children are there."""
        return [(plural, uid) for plural, uid in self._mine["revived"]]

    def revives(self, plural: str, uid: str) -> None:
        self._mine["revived"].append([plural, uid])
        self._whole.save()

    def deleted_again(self, plural: str, uid: str) -> None:
        self._mine["revived"] = [entry for entry in self._mine["revived"] if entry != [plural, uid]]
        self._whole.save()
