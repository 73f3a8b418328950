"""The secrets of the process: one ring for each use, and the thread that looks at their files."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from toolbridge_mcp.keyring import LOOK_SECONDS, Keyring
from toolbridge_mcp.settings import Settings

TENANT, TOKEN = "tenant", "token"


class Keyrings:
    """The one ring of each use, which everything in this process shares."""

    def __init__(self, tenant: Keyring, token: Keyring | None = None) -> None:
        """`token` is None where an identity provider signs tokens."""
        self.tenant = tenant
        self.token = token
        self._by_use: Mapping[str, Keyring] = {TENANT: tenant} | ({TOKEN: token} if token else {})

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rings that the settings name. Raises `WrongSetting` for a file that cannot be used."""
        tenant = settings.keyring("tenant_header")
        return cls(tenant, settings.keyring("jwt_hs256") if settings.sources("jwt_hs256") else None)

    def look(self, *, at_once: bool = False, tells: bool = True) -> None:
        """Looks at every file, as `Keyring.look` does."""
        for use, ring in self._by_use.items():
            ring.look(use, at_once=at_once, tells=tells)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Reads what has changed at once, and then within a second of each change.

        A thread looks: the disk of a file may be another machine's, and let whoever asks wait.
        """
        self.look(at_once=True)
        stopped = threading.Event()
        if any(ring.is_watched for ring in self._by_use.values()):
            threading.Thread(target=self._keep, args=[stopped], name="keyrings", daemon=True).start()
        try:
            yield
        finally:
            stopped.set()

    def _keep(self, stopped: threading.Event) -> None:
        while not stopped.wait(LOOK_SECONDS):
            self.look()
