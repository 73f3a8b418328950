"""The file of settings in a checkout: .env, or the file that TOOLBRIDGE_ENV_FILE names.

The file is data: nothing in it is executed or expanded, and a variable of the environment wins over it.
"""

import io
import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from toolbridge_mcp.cli.checkout import HOME, is_checkout
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.environment import has_own_api

KEY_SETS = frozenset({"JWT_JWKS_URL", "TOOLBRIDGE_JWT_JWKS_URL"})
TOKEN_KEYS = KEY_SETS | {"JWT_HS256_SECRET", "TOOLBRIDGE_JWT_HS256_SECRET"}
"""The settings of which exactly one is given."""

HEADER = "# Made by toolbridge; .env.example lists what else may be set. Never commit this file.\n"


def load() -> None:
    """Adds the file's settings to the environment. Raises `WrongUsage` for a line that is not NAME=value.

    If the environment says how tokens are verified, what the file says about that does not count.
    """
    if path := _path():
        verified = not TOKEN_KEYS.isdisjoint(os.environ)
        for name, value in _values(path).items():
            if not (verified and name in TOKEN_KEYS):
                os.environ.setdefault(name, value)


def complete() -> None:
    """Makes the tenant's name and the secrets where neither the file nor the environment has them, and loads
    the file. An API that runs already has its own, so nothing is made then.

    The file is replaced in one step, and only its owner can read it.
    """
    path = _path()
    if path is None:
        return
    present = {**_values(path), **os.environ}
    missing = "".join(f"{name}={value}\n" for name, value in _made(present).items() if name not in present)
    if missing and has_own_api(present):
        before = _text(path) or HEADER
        _replace(path, before + ("" if before.endswith("\n") else "\n") + missing)
    load()


def values(path: Path) -> dict[str, str]:
    """The settings of any such file. Raises `WrongUsage` if there is none or a line is no setting."""
    if not path.is_file():
        raise WrongUsage(f"There is no file {path}.")
    return _values(path)


def _path() -> Path | None:
    """None in a container, whose settings are all in its environment."""
    given = os.environ.get("TOOLBRIDGE_ENV_FILE")
    if given:
        return Path(given).resolve()
    return HOME / ".env" if is_checkout() else None


def _made(present: Iterable[str]) -> dict[str, str]:
    """A key set takes the place of the key for tokens."""
    made = {"TENANT_ID": "dev", "TENANT_HEADER_SECRET": secrets.token_hex(32)}
    return made if KEY_SETS & {*present} else {**made, "JWT_HS256_SECRET": secrets.token_hex(32)}


def _values(path: Path) -> dict[str, str]:
    """Empty where there is no such file."""
    found = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        if binding.error or (binding.key and binding.value is None):
            raise WrongUsage(f"Line {_line_of(binding)} of {path} is not NAME=value.")
        if binding.key and binding.value is not None:
            if "\0" in binding.value:
                raise WrongUsage(f"Line {_line_of(binding)} of {path} has a character U+0000; remove it.")
            found[binding.key] = binding.value
    return found


def _text(path: Path) -> str:
    """The file without the byte order mark that editors put in front."""
    try:
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path} is not UTF-8; save it as UTF-8.") from error
    except OSError as error:
        raise Failure(f"{path} cannot be read ({error.strerror}); let this user read it.") from error


def _line_of(binding: Binding) -> int:
    """A binding begins with the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _replace(path: Path, text: str) -> None:
    """Nobody ever reads half of the file, nor a copy that others may read (mkstemp's mode is 600)."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env.")
    except OSError as error:
        raise Failure(f"{path} cannot be written ({error.strerror}); make its folder writable.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
