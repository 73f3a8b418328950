"""Writes the examples of the documents; with `--check` only says whether they are up to date."""

import asyncio
import sys

from tests.examples import documents


def main() -> int:
    written = asyncio.run(documents.written())
    stale = [file for file, text in written.items() if not file.exists() or file.read_text() != text]
    if "--check" not in sys.argv:
        for file in stale:
            file.write_text(written[file])
        return 0
    for file in stale:
        sys.stderr.write(
            f"{file.name} is out of date: run scripts/generate.sh examples and review the change\n"
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
