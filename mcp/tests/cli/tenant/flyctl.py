"""Stands in for flyctl: records its calls, and does on a folder here what Fly.io does on a machine.

FLY_STAND_IN is the folder. Commands for the container run here, on a database in that folder.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FLY_STAND_IN"])
STATE = FOLDER / "state.json"
DATA, TEMPORARY = "/data", "/tmp"  # noqa: S108  the container's


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def inside(path: str) -> Path:
    """Where the container's file is here."""
    return FOLDER / "machine" / path.lstrip("/")


def answer(found: list[dict[str, Any]]) -> None:
    sys.stdout.write(json.dumps(found))


def secrets() -> dict[str, str]:
    file = FOLDER / "secrets"
    return dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}


def keep_secrets(values: dict[str, str]) -> None:
    (FOLDER / "secrets").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def in_container(command: str) -> int:
    words = [str(inside(word)) if word.startswith(TEMPORARY) else word for word in shlex.split(command)]
    environment = {**os.environ, "DATABASE_URL": f"sqlite://{inside(DATA + '/toolbridge.db')}"}
    damaged = (FOLDER / "damage").exists() and "export" in words
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE if damaged else None, check=False)
    if damaged:
        sys.stdout.buffer.write(done.stdout[: len(done.stdout) // 2])
    return done.returncode


def deploy(state: dict[str, Any], arguments: list[str]) -> None:
    version = len(state["releases"]) + 1
    built = f"registry.example/app:build-{version}"
    image = option(arguments, "--image") if "--image" in arguments else built
    state["image"] = image
    state["releases"].append({"Version": version, "Status": "complete", "ImageRef": image})
    for folder in (DATA, TEMPORARY):
        inside(folder).mkdir(parents=True, exist_ok=True)


def run(state: dict[str, Any], arguments: list[str]) -> int:
    match arguments[:3]:
        case ["secrets", "import", _]:
            keep_secrets({**secrets(), **dict(line.split("=", 1) for line in sys.stdin.read().splitlines())})
        case ["secrets", "unset", name]:
            keep_secrets({one: value for one, value in secrets().items() if one != name})
        case ["secrets", "list", _]:
            answer([{"name": name, "digest": "0"} for name in secrets()])
        case ["machine", "list", _]:
            machine = {"id": "m1", "config": {"image": state["image"]}}
            answer([machine] if state["image"] else [])
        case ["releases", *_] if "--json" in arguments:
            answer(state["releases"])
        case ["deploy", *_]:
            deploy(state, arguments)
        case ["ssh", "console", _]:
            return in_container(option(arguments, "--command"))
        case ["ssh", "sftp", "get"]:
            shutil.copyfile(inside(arguments[3]), arguments[4])
            if (FOLDER / "damage").exists():
                Path(arguments[4]).write_bytes(b"damaged")
        case ["ssh", "sftp", "put"]:
            shutil.copyfile(arguments[3], inside(arguments[4]))
    return 0


def main() -> int:
    arguments = sys.argv[1:]
    with (FOLDER / "calls").open("a") as calls:
        calls.write(shlex.join(arguments) + "\n")
    failing = FOLDER / "failing"
    if failing.exists() and shlex.join(arguments).startswith(failing.read_text()):
        return 1
    state = json.loads(STATE.read_text()) if STATE.exists() else {"image": "", "releases": []}
    code = run(state, arguments)
    STATE.write_text(json.dumps(state))
    return code


if __name__ == "__main__":
    sys.exit(main())
