"""The start of a stack: the checks before it, the launcher, and the wait until both programs are ready."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from toolbridge_mcp.cli import key_files, log, running
from toolbridge_mcp.cli.checkout import typed
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.environment import cleaned
from toolbridge_mcp.listening import listeners
from toolbridge_mcp.readable import in_json

READY_SECONDS = 60
"""A migration of the database does not count."""
SAY_SECONDS = 10
"""How often the progress of a migration is said."""

LOCAL_HOST = {"Host": "localhost"}
"""The gateway serves this name whatever address it listens on."""

Launcher = subprocess.Popen[bytes]


def check(stack: Stack) -> None:
    """Raises `Failure` with what to do if the stack runs already."""
    if running.is_running(stack):
        process = running.leader(stack)
        raise Failure(
            f"ToolBridge already runs on {stack.data} (process {process.pid if process else 'unknown'}). "
            f"Stop it with {typed('down')}, or set TOOLBRIDGE_DATA_DIR, TOOLBRIDGE_PORT, API_PORT and "
            "TOOLBRIDGE_METRICS_PORT to start a second one."
        )


def _make_way(stack: Stack) -> None:
    """Ends what an earlier stack left, and raises `Failure` if its place is taken. Call it with the lock: the
    programs of a start that was faster would look like leftovers."""
    running.end_leftovers(stack)
    _check_port("gateway", stack.host, stack.port, "TOOLBRIDGE_PORT")
    _check_port("operator's page", stack.private_host, stack.private_port, "TOOLBRIDGE_METRICS_PORT")
    if stack.given_api is None:
        _check_own_api(stack)


def _check_own_api(stack: Stack) -> None:
    if shutil.which("toolbridge-api", path=stack.environment()["PATH"]) is None:
        raise Failure("The API is not built yet; scripts/run.sh builds it and then starts everything.")
    _check_port("API", "127.0.0.1", stack.api_port, "API_PORT")


def _check_port(program: str, host: str, port: int, variable: str) -> None:
    try:
        for listener in listeners(host, port):
            listener.close()
    except OSError as error:
        raise Failure(
            f"Port {port} on {host}, wanted for the {program}, cannot be used ({error.strerror}). "
            f"Set {variable} to a free port, or end the program that uses it."
        ) from error


def start_launcher(stack: Stack) -> Launcher:
    """In a session of its own, so that a Ctrl-C reaches this process alone, which then stops it."""
    lock = running.open_lock(stack)
    if not running.take(lock):
        os.close(lock)
        check(stack)
        raise Failure("Another start on this data folder was faster.")
    try:
        _make_way(stack)
        return _started(stack, lock)
    finally:
        os.close(lock)


def _started(stack: Stack, lock: int) -> Launcher:
    settings = key_files.in_place_of_secrets({**os.environ, **stack.environment()}, stack.data)
    environment = in_json(cleaned(settings))
    output = log.open_log(stack.log)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "toolbridge_mcp.supervision"],
            cwd=f"{environment['TOOLBRIDGE_HOME']}/mcp",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
            env=environment,
        )
    finally:
        os.close(output)


def wait_until_ready(stack: Stack, launcher: Launcher, log_start: int, say: Callable[[str], None]) -> None:
    """Raises `Failure` with the programs' own words when they do not start. The log of this start begins at
    byte `log_start`. A migration may take as long as it does; its progress is passed to `say`."""
    deadline, say_at = time.monotonic() + READY_SECONDS, 0.0
    while not is_ready(stack.url):
        if stack.given_api is None and (progress := migrating(f"http://127.0.0.1:{stack.api_port}")):
            deadline = time.monotonic() + READY_SECONDS
            if time.monotonic() >= say_at:
                say(progress)
                say_at = time.monotonic() + SAY_SECONDS
        has_ended = launcher.poll() is not None
        # supervisord would try again for a minute, but the reason is known by now.
        if errors := log.failed_start(stack.log, log_start):
            raise Failure(errors)
        if has_ended:
            raise ended(stack)
        # The gateway has waited for the API before it says this. An API of the stack's own may take longer.
        if stack.given_api and (reasons := problems(stack.url)):
            where = f"TOOLBRIDGE_GO_API_BASE_URL is {stack.given_api}."
            raise Failure(" ".join([*reasons, where]))
        if time.monotonic() > deadline:
            said = " ".join([f"Not ready after {READY_SECONDS} s.", *problems(stack.url)])
            raise Failure(f"{said}\n{log.tail(stack.log)}")
        time.sleep(0.1)


def is_ready(url: str) -> bool:
    """Whether the program at this address answers 200 to /readyz."""
    return _readiness(url)[0] == http.client.OK


def problems(url: str) -> list[str]:
    """Why the gateway at this address is not ready, in its own words; empty if it does not respond."""
    try:
        return [str(reason) for reason in json.loads(_readiness(url)[1])["problems"]]
    except (ValueError, KeyError, TypeError):
        return []


def migrating(url: str) -> str | None:
    """What the API at this address says of the migration of its database, None while there is none."""
    try:
        answer = json.loads(_readiness(url)[1])
        return str(answer["error"]) if "migration" in answer["details"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _readiness(url: str) -> tuple[int, bytes]:
    """Status and body of /readyz; a status of 0 if nothing responds."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request("GET", "/readyz", headers=LOCAL_HOST)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def ended(stack: Stack) -> Failure:
    return Failure(f"The stack ended by itself.\n{log.tail(stack.log)}")
