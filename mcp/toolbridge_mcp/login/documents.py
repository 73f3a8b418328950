"""Client ID metadata documents: an https address as the id of a client, which publishes there what others
register."""

import asyncio
import logging
import re
import time
from collections.abc import Callable

from fastmcp.server.auth.cimd import CIMDDocument, CIMDFetcher, CIMDFetchError, CIMDValidationError

from toolbridge_mcp.library_seams import keeps_document
from toolbridge_mcp.login.limits import PublicLimit, TooMany, reading_limit
from toolbridge_mcp.single_flight import SingleFlight

READING_SECONDS = 5.0
MOST_READINGS = 8
"""At once. A stranger names the hosts, and they may be slow."""

FAILED_SECONDS = 30.0
MOST_FAILURES = 1_000
MAX_LENGTH = 512
_PRINTABLE = re.compile(r"[!$-\[\]-~]+")
"""Visible ASCII without quotes, backslash and `#`."""


class NoDocument(Exception):
    """There is no usable document at an address. The sentence is for people."""


class Documents:
    """Reads documents with FastMCP's fetcher, which keeps them as long as HTTP allows, and reaches no address
    inside a network. A reading has `READING_SECONDS`, and a failure is remembered for `FAILED_SECONDS`. With
    `are_read` off there is no document at any address."""

    def __init__(
        self,
        limit: PublicLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        are_read: bool = True,
    ) -> None:
        self.are_read = are_read
        logging.getLogger(CIMDFetcher.__module__).setLevel(logging.WARNING)  # it logs what strangers name
        self._fetcher = CIMDFetcher(timeout=READING_SECONDS)
        self._limit = limit or reading_limit()
        self._clock = clock
        self._readings: SingleFlight[CIMDDocument] = SingleFlight()
        self._running = 0
        self._failed: dict[str, tuple[float, str]] = {}
        """Until when an address is not read again, and why, the oldest first."""

    @staticmethod
    def names_one(client_id: str) -> bool:
        """Whether an id is such an address."""
        return client_id.startswith("https://")

    async def read(self, url: str, address: str) -> CIMDDocument:
        """The document at `url`, for a caller at `address`. Raises `NoDocument`, or `TooMany`."""
        if not self.are_read:
            raise NoDocument("No documents of clients are read here; the client has to register.")
        if not _is_plain(url) or not self._fetcher.is_cimd_client_id(url):
            raise NoDocument("The client's id is no address of a metadata document.")
        self._look_for_failure(url)
        if not self._readings.is_running(url) and not keeps_document(self._fetcher, url):
            self._limit.take(address)
            if self._running >= MOST_READINGS:
                raise TooMany(1)
        return await self._readings.run(lambda: self._read(url), url)

    async def _read(self, url: str) -> CIMDDocument:
        self._running += 1
        try:
            async with asyncio.timeout(READING_SECONDS):
                return await self._fetcher.fetch(url)
        except (CIMDFetchError, TimeoutError):
            raise self._failure(url, "The client's metadata document cannot be read; try again.") from None
        except (CIMDValidationError, ValueError, OverflowError, RecursionError):  # what FastMCP lets through
            raise self._failure(url, "The client's metadata document is not one that is accepted.") from None
        finally:
            self._running -= 1

    def _look_for_failure(self, url: str) -> None:
        until, says = self._failed.get(url, (0.0, ""))
        if self._clock() < until:
            raise NoDocument(says)

    def _failure(self, url: str, says: str) -> NoDocument:
        self._failed.pop(url, None)
        self._failed[url] = (self._clock() + FAILED_SECONDS, says)
        while len(self._failed) > MOST_FAILURES:
            del self._failed[next(iter(self._failed))]
        return NoDocument(says)


def _is_plain(url: str) -> bool:
    """Whether an address has no user, no fragment, and no dot segments, as the draft on these documents
    demands, and is not too long."""
    if len(url) > MAX_LENGTH or not _PRINTABLE.fullmatch(url):
        return False
    host, _, path = url.removeprefix("https://").partition("/")
    segments = path.partition("?")[0].lower().replace("%2e", ".").split("/")
    return "@" not in host and not {".", ".."} & {*segments}
