"""The secrets of the process: one ring for each use, and the thread that looks at their files."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

from toolbridge_mcp.keyring import LOOK_SECONDS, OLD_DAYS, Keyring
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.uses import TENANT, TOKEN

HOW_TO_CHANGE_IT = "change it as docs/runbook.md says under Rotating secrets"


class Rings:
    """The one ring of each use, which everything in this process shares."""

    def __init__(self, tenant: Keyring, token: Keyring | None = None) -> None:
        """`token` is None where an identity provider signs tokens."""
        self.tenant = tenant
        self.token = token
        self._by_use: Mapping[str, Keyring] = {TENANT.name: tenant} | ({TOKEN.name: token} if token else {})

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rings that the settings name. Raises `WrongSetting` for a file that cannot be used."""
        tenant = settings.keyring(TENANT)
        return cls(tenant, settings.keyring(TOKEN) if settings.sources(TOKEN) else None)

    def look(self, *, at_once: bool = False, tells: bool = True) -> None:
        """Looks at every file, as `Keyring.look` does."""
        for use, ring in self._by_use.items():
            ring.look(use, at_once=at_once, tells=tells)

    def warnings(self, now: float | None = None) -> list[str]:
        """What will become a problem, in sentences with no more than the ids of keys: files that cannot be
        used, and keys that should be changed. One that no longer signs counts too: it is still accepted."""
        at = time.time() if now is None else now
        return [sentence for use, ring in self._by_use.items() for sentence in _warnings(use, ring, at)]

    def ages(self) -> Sequence[tuple[tuple[str, str], float]]:
        """The age in seconds of each key whose age is known, by use and id."""
        now = time.time()
        return [
            ((use, key.id), age)
            for use, ring in self._by_use.items()
            for key in ring.keys
            if (age := key.age_seconds(now)) is not None
        ]

    def problems(self) -> Sequence[tuple[tuple[str], float]]:
        """Of each use, 1 while its file cannot be used, else 0."""
        return [((use,), float(bool(ring.problem))) for use, ring in self._by_use.items()]

    def described(self, now: float) -> str:
        """The live keys of each use and their ages in words, the one that signs first."""
        return "; ".join(f"{use} {_described(ring, now)}" for use, ring in self._by_use.items())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Reads what has changed at once, and then within a second of each change.

        A thread looks: the disk of a file may be another machine's, and let whoever asks wait.
        """
        self.look(at_once=True)
        stopped = threading.Event()
        if any(ring.is_watched for ring in self._by_use.values()):
            threading.Thread(target=self._keep, args=[stopped], name="key-rings", daemon=True).start()
        try:
            yield
        finally:
            stopped.set()

    def _keep(self, stopped: threading.Event) -> None:
        while not stopped.wait(LOOK_SECONDS):
            self.look()


def _warnings(use: str, ring: Keyring, now: float) -> Iterator[str]:
    if ring.problem:
        yield f"The file with the {use} keys cannot be used, so the known keys stay in use; the log says why."
    for key in ring.keys:
        if (days := key.age_days(now)) is not None and days >= OLD_DAYS:
            yield f"The {use} key {key.id} is {days} days old; {HOW_TO_CHANGE_IT}."


def _described(ring: Keyring, now: float) -> str:
    ages = ((key.id, key.age_days(now)) for key in ring.keys)
    return ", ".join(
        f"{key_id} of unknown age" if days is None else f"{key_id} {days} days" for key_id, days in ages
    )
