"""The file of settings in a checkout: .env, or the file that TOOLBRIDGE_ENV_FILE names.

The file is data: nothing in it is executed or expanded, and a variable of the environment wins over it.
"""

import io
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from toolbridge_mcp.cli import private_files
from toolbridge_mcp.cli.checkout import HOME, is_checkout
from toolbridge_mcp.cli.failures import Failure, WrongUsage
from toolbridge_mcp.environment import has_own_api
from toolbridge_mcp.uses import TENANT, TOKEN

EXCLUSIVE = (frozenset(TENANT.sources), TOKEN.every_source)
"""Settings of which exactly one is given. The gateway's own name for the tenant's secret may be set beside
the API's."""

_PLAIN = re.compile(r"[A-Za-z0-9._+/=-]+")
_ESCAPED = re.compile(r"[\\']")
HEADER = "# Made by toolbridge; .env.example lists what else may be set. Never commit this file.\n"


def load() -> None:
    """Adds the file's settings to the environment. Raises `WrongUsage` for a line that is not NAME=value.

    If the environment says how requests are signed or tokens are verified, what the file says about that does
    not count.
    """
    if path := _path():
        decided = frozenset[str]().union(*(group for group in EXCLUSIVE if group & os.environ.keys()))
        for name, value in _values(path).items():
            if name not in decided:
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


def stored(name: str) -> str | None:
    """The value of a setting in the file, None if it is not there."""
    path = _path()
    return _values(path).get(name) if path else None


def change(name: str, value: str) -> None:
    """Gives a setting that the file has another value, and leaves everything else as it is. Raises
    `Failure`."""
    path = _path()
    if path is None or stored(name) == value:
        return
    quoted = value if _PLAIN.fullmatch(value) else "'" + _ESCAPED.sub(_escape, value) + "'"
    text = "".join(
        _changed(one, quoted) if one.key == name else one.original.string
        for one in parse_stream(io.StringIO(_text(path)))
    )
    _replace(path, text)


def _changed(binding: Binding, value: str) -> str:
    """Whatever is before the name stays: empty lines, and the word that shells know."""
    before, _, _ = binding.original.string.partition(str(binding.key))
    return f"{before}{binding.key}={value}\n"


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


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
    """Lists of keys, files with them, and a key set take the place of a secret."""
    wanted = [use for use in (TENANT, TOKEN) if not use.is_given(present)]
    return {"TENANT_ID": "dev", **{use.secret: secrets.token_hex(32) for use in wanted}}


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
    try:
        private_files.replace(path, text)
    except OSError as error:
        raise Failure(f"{path} cannot be written ({error.strerror}); make its folder writable.") from error
