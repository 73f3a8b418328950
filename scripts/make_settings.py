"""Adds what an .env file lacks of the tenant's name and the secrets: make_settings.py PATH.

What is there stays as it is. The file is replaced in one step and only its owner can read it.
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path

HEADER = "# Made by the scripts; .env.example lists what else may be set. Never commit this file.\n"


def made_values() -> dict[str, str]:
    return {
        "TENANT_ID": "dev",
        "TENANT_HEADER_SECRET": secrets.token_hex(32),
        "JWT_HS256_SECRET": secrets.token_hex(32),
    }


def names_in(text: str) -> set[str]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {line.partition("=")[0] for line in lines}


def completed(text: str) -> str:
    """The text with a line for every value it lacks."""
    present = names_in(text)
    missing = [f"{name}={value}\n" for name, value in made_values().items() if name not in present]
    if not missing:
        return text
    start = text or HEADER
    return start + ("" if start.endswith("\n") else "\n") + "".join(missing)


def replace(path: Path, text: str) -> None:
    """Nobody ever sees half of the file, nor a copy that others may read (mkstemp's mode is 600)."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def main() -> None:
    path = Path(sys.argv[1]).resolve()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = completed(before)
    if after != before:
        replace(path, after)


if __name__ == "__main__":
    main()
