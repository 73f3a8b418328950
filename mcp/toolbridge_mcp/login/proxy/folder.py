"""The folder with what FastMCP's proxy keeps: sign-ins under way, codes, and the provider's tokens."""

import asyncio
import fcntl
import json
import os
import secrets
import tempfile
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, SupportsFloat

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from toolbridge_mcp.keyring import Keyring

FOR_EVER = 180 * 24 * 60 * 60
"""Seconds after which an entry goes that has no time of its own."""

MOST_ENTRIES = 20_000
"""Of each kind. A stranger can cause sign-ins under way only, at a limited rate; all others need a user."""

SECRET_BYTES = 32
_KEY_FILE = "key"
_LOCKS = "locks"
LOCK_SECONDS = 0.02
"""How often a lock that somebody holds is tried again."""


class WrongFolder(OSError):
    """The folder cannot be used. The text is the rest of a sentence about it."""


class Folder:
    """Files with one entry each, for FastMCP as an `AsyncKeyValue`.

    Names are hashes, since FastMCP's are codes and ids of tokens. Contents are encrypted, and an entry in the
    place of another one is none. The time of a file is when its entry expires. Several machines may share a
    folder: a file is replaced in one step.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path = path
        self._fernet = Fernet(urlsafe_b64encode(derived(secret, "storage")))
        self._counts: Counter[str] = Counter()
        """How many files of a kind there are at most."""

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        value, _ = await self.ttl(key, collection=collection)
        return value

    async def ttl(
        self, key: str, *, collection: str | None = None
    ) -> tuple[dict[str, Any] | None, float | None]:
        return await asyncio.to_thread(self._read, _kind(collection), key)

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        until = time.time() + (FOR_EVER if ttl is None else min(float(ttl), FOR_EVER))
        await asyncio.to_thread(self._write, _kind(collection), key, value, until)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        return await asyncio.to_thread(self._remove, self._file(_kind(collection), key))

    async def get_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[dict[str, Any] | None]:
        return [await self.get(key, collection=collection) for key in keys]

    async def ttl_many(
        self, keys: Sequence[str], *, collection: str | None = None
    ) -> list[tuple[dict[str, Any] | None, float | None]]:
        return [await self.ttl(key, collection=collection) for key in keys]

    async def put_many(
        self,
        keys: Sequence[str],
        values: Sequence[Mapping[str, Any]],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        for key, value in zip(keys, values, strict=True):
            await self.put(key, value, collection=collection, ttl=ttl)

    async def delete_many(self, keys: Sequence[str], *, collection: str | None = None) -> int:
        return sum([await self.delete(key, collection=collection) for key in keys])

    def locked(self, use: str, name: str) -> "Lock":
        """Lets one at a time in, of all tasks of all machines that share the folder. Names share 256 locks of
        each use, so nobody may hold two of one use."""
        return Lock(self._path / _LOCKS / f"{use}-{sha256(name.encode()).hexdigest()[:2]}")

    async def purge(self) -> None:
        """Removes what has expired."""
        await asyncio.to_thread(self._purge)

    def _file(self, kind: str, key: str) -> Path:
        return self._path / kind / sha256(key.encode()).hexdigest()

    def _read(self, kind: str, key: str) -> tuple[dict[str, Any] | None, float | None]:
        try:
            sealed = self._file(kind, key).read_bytes()
            entry = json.loads(self._fernet.decrypt(sealed))
        except (OSError, InvalidToken, ValueError):
            return None, None
        left: float = entry["until"] - time.time()
        if entry["name"] != f"{kind}/{key}" or left <= 0:
            return None, None
        return entry["value"], left

    def _write(self, kind: str, key: str, value: Mapping[str, Any], until: float) -> None:
        file = self._file(kind, key)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        entry = {"name": f"{kind}/{key}", "until": until, "value": value}
        _replace(file, self._fernet.encrypt(json.dumps(entry).encode()), until)
        self._bound(file.parent)

    def _bound(self, folder: Path) -> None:
        """Makes room if there are too many entries of a kind: those that expire first go."""
        kind = folder.name
        if kind in self._counts:
            self._counts[kind] += 1
        if self._counts[kind] not in range(1, MOST_ENTRIES + 1):
            files = sorted(_files(folder), key=lambda file: file[1])
            for file, _ in files[: len(files) - MOST_ENTRIES * 9 // 10] if len(files) > MOST_ENTRIES else []:
                self._remove(file)
            self._counts[kind] = max(1, min(len(files), MOST_ENTRIES * 9 // 10))

    def _purge(self) -> None:
        now = time.time()
        for folder in self._path.iterdir():
            if folder.is_dir() and folder.name != _LOCKS:
                files = list(_files(folder))
                gone = [file for file, until in files if until < now]
                self._counts[folder.name] = max(1, len(files) - sum(map(self._remove, gone)))

    @staticmethod
    def _remove(file: Path) -> bool:
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        return True


class Lock:
    """A lock that is a file. No generator: exceptions of the SDK are frozen, and contextlib changes them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __aenter__(self) -> None:
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _lock(self._handle):  # noqa: ASYNC110  another machine may hold it
                await asyncio.sleep(LOCK_SECONDS)
        except BaseException:
            os.close(self._handle)
            raise

    async def __aexit__(self, *_: object) -> None:
        os.close(self._handle)


class FolderSecret:
    """The secret of a folder, from which all its keys are derived. It is in the folder itself, sealed with a
    tenant key: the first seals and any opens, so that these keys can be changed.

    If none opens it, such as after a restoration elsewhere, a new one is made, and everybody signs in again.
    """

    def __init__(self, path: Path, ring: Keyring) -> None:
        """Raises `WrongFolder`."""
        self._file = path / _KEY_FILE
        self._ring = ring
        self._generation = ring.generation
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.value = self._opened() or self._made()
        except OSError as error:
            raise WrongFolder(f"is no folder that can be written ({error.strerror})") from error
        self.seal_again()

    def look(self) -> None:
        """Seals the secret again if the tenant keys have changed. Reads no file otherwise."""
        if self._ring.generation != self._generation:
            self._generation = self._ring.generation
            self.seal_again()

    def seal_again(self) -> None:
        first = _fernet_of(self._ring.first.secret)
        with suppress(InvalidToken):
            first.decrypt(self._file.read_bytes())
            return
        _replace(self._file, first.encrypt(self.value))

    def _opened(self) -> bytes | None:
        with suppress(FileNotFoundError):
            sealed = self._file.read_bytes()
            for key in self._ring.keys:
                with suppress(InvalidToken):
                    return _fernet_of(key.secret).decrypt(sealed)
        return None

    def _made(self) -> bytes:
        """A new secret; that of another process if it was faster."""
        value = secrets.token_bytes(SECRET_BYTES)
        self._file.unlink(missing_ok=True)
        _replace(self._file, _fernet_of(self._ring.first.secret).encrypt(value), only_new=True)
        return self._opened() or value


def derived(secret: bytes, use: str) -> bytes:
    """A key for one use."""
    info = f"toolbridge/login/proxy/{use}/v1".encode()
    return HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret)


def _fernet_of(secret: bytes) -> Fernet:
    return Fernet(urlsafe_b64encode(derived(secret, "folder")))


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kind(collection: str | None) -> str:
    return (collection or "others").replace("/", "_")


def _files(folder: Path) -> Iterable[tuple[Path, float]]:
    """The files of a kind, each with the time at which it expires."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                yield Path(entry.path), entry.stat().st_mtime


def _replace(file: Path, content: bytes, until: float | None = None, *, only_new: bool = False) -> None:
    """Writes a file in one step; with `only_new` nothing happens if it exists."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if until is not None:
            os.utime(name, (until, until))
        if only_new:
            with suppress(FileExistsError):
                file.hardlink_to(name)
        else:
            Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)
