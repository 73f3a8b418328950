"""What `toolbridge doctor` says, for the page: checks that only look, once a minute at most."""

import asyncio
import threading
import time
from typing import NamedTuple

from toolbridge_mcp.cli.doctor import LOOKS, Finding, Visit, address, examine
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import Signer

KEEP_SECONDS = 60.0
MOST_SECONDS = 30.0
FIRST_SECONDS = 0.15
"""How long the first page waits for the findings. On this machine the checks take a twentieth of a second."""


class Findings(NamedTuple):
    at: float
    """When they were made; 0 if there are none yet."""

    found: list[Finding]
    problem: str = ""
    """Why the examination did not come to its end."""


class Examination:
    """Examines the deployment as often as pages are read, within bounds."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self._settings = settings
        self._signer = signer
        self._url = address(settings)
        self._findings = Findings(0, [])
        self._due_at = 0.0
        self._lock = threading.Lock()

    def findings(self) -> Findings:
        """The latest ones. An examination that is due begins, and will be seen by a later page."""
        with self._lock:
            thread = self._begin() if time.monotonic() >= self._due_at else None
        if thread and not self._findings.at:
            thread.join(FIRST_SECONDS)
        return self._findings

    def _begin(self) -> threading.Thread:
        # One at a time: it ends before the next one is due.
        self._due_at = time.monotonic() + KEEP_SECONDS
        thread = threading.Thread(target=self._run, name="examination", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        found: list[Finding] = []
        try:
            asyncio.run(asyncio.wait_for(self._examine(found), MOST_SECONDS))
            problem = ""
        except TimeoutError:
            problem = f"The examination did not end within {MOST_SECONDS:.0f} s."
        except Exception as error:  # noqa: BLE001  a page shows that, too
            problem = f"The examination ended with {type(error).__name__}."
        self._findings = Findings(time.time(), found, problem)

    async def _examine(self, found: list[Finding]) -> None:
        visit = Visit(self._settings, self._signer, self._url, None, time.time)
        async for finding in examine(visit, LOOKS):
            found.append(finding)  # noqa: PERF401  what was found stays if the rest takes too long
