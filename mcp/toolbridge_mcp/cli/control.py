"""`toolbridge up`, `down` and `status`: the stack of this machine."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import NoReturn, TextIO

import click

from toolbridge_mcp.cli import connect, launch, log, running
from toolbridge_mcp.cli.checkout import typed
from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.sign_in.first_user import FirstUser, first_user
from toolbridge_mcp.cli.stack import Stack
from toolbridge_mcp.cli.token import development_token_if_possible
from toolbridge_mcp.environment import cleaned
from toolbridge_mcp.readable import FORMATS, has_colours, wants_text

SHOW_SECONDS = 0.2
"""How soon a line of the log is shown."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(stack: Stack, *, detached: bool) -> None:
    """Starts the stack, proves that it works and prints how to connect. Returns when it runs if `detached`,
    else when it has been stopped, here or by `toolbridge down`. Raises `Failure`."""
    # Set here and not left to Python: a shell starts a background job with SIGINT ignored.
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        launch.check(stack)
        log_start = log.make_room(stack.log)
        launcher = launch.start_launcher(stack)
    except OSError as error:
        raise Failure(
            f"{error.filename or stack.data} cannot be used ({error.strerror}). Make room, or let this user "
            "write there, or set TOOLBRIDGE_DATA_DIR to another folder."
        ) from error
    try:
        _prove_and_explain(stack, launcher, log_start)
        if detached:
            _say(f"Running in the background. Stop it with {typed('down')}.")
            return
        _say("Running. Ctrl-C stops everything.")
        status = _wait(stack, launcher)
    except KeyboardInterrupt:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _say("\nStopping ... ", end="")
        running.stop(stack)
        _say("stopped.")
        return
    except BaseException:
        _say("failed")
        running.stop(stack)
        raise
    running.end_leftovers(stack)
    # It returns 0 exactly when it was asked to stop, as `toolbridge down` does.
    if status != 0:
        raise launch.ended(stack)
    _say("Stopped by another command.")


def _wait(stack: Stack, launcher: launch.Launcher) -> int:
    """Returns the exit code of the launcher when it has ended. Until then, people see what is logged: on
    a terminal, unless they ask for JSON, and elsewhere if they ask for text."""
    environment = cleaned(os.environ)
    is_shown = wants_text(environment) or (sys.stdout.isatty() and not FORMATS & environment.keys())
    follower = log.Follower.from_its_end(stack.log)
    coloured = has_colours(sys.stdout, os.environ)
    while is_shown:
        for line in follower.lines(coloured=coloured):
            _say(line, to=sys.stdout)
        with suppress(subprocess.TimeoutExpired):
            return launcher.wait(SHOW_SECONDS)
    return launcher.wait()


def down(stack: Stack) -> None:
    """Stops what runs on the data folder, if anything does."""
    found = running.is_running(stack)
    running.stop(stack)
    _say(f"Stopped what ran on {stack.data}." if found else f"Nothing runs on {stack.data}.")


def status(stack: Stack) -> int:
    """Prints what runs. Returns 0 if both programs are ready, 1 if one is not, and 3 if nothing runs."""
    process = running.leader(stack) if running.is_running(stack) else None
    if process is None:
        click.echo(f"Nothing runs on {stack.data}. Start it with {typed('up')}.")
        return 3
    all_ready = True
    for program, url in _programs(stack):
        ready = launch.is_ready(url)
        all_ready &= ready
        click.echo(f"{'ready' if ready else 'not ready':<9}  {program} at {url}")
    if stack.given_api:
        click.echo(f"{'':<9}  in front of the API at {stack.given_api}")
    click.echo(f"{'':<9}  operator's page at {stack.page}")
    click.echo(f"process {process.pid}, data and log in {stack.data}")
    return 0 if all_ready else 1


def _programs(stack: Stack) -> list[tuple[str, str]]:
    """What the stack runs, with addresses. The gateway is ready only while an API elsewhere responds."""
    own_api = [("API", f"http://127.0.0.1:{stack.api_port}")] if stack.given_api is None else []
    return [("gateway", stack.url), *own_api]


def _prove_and_explain(stack: Stack, launcher: launch.Launcher, log_start: int) -> None:
    started = time.monotonic()
    _say("Start ... ", end="")
    # The client takes a second to import, in which the programs start.
    from toolbridge_mcp.cli.proof import prove

    launch.wait_until_ready(stack, launcher, log_start, lambda said: _say(f"\n  {said}", end=" ... "))
    token = os.environ.get("TOOLBRIDGE_TOKEN", "").strip() or development_token_if_possible("dev")
    try:
        shown = prove(stack.url, token) if token else "no call was made as proof: it needs a token"
    except Failure as failure:
        raise Failure(f"{failure.message}\n{log.tail(stack.log)}") from failure
    _say(f"{time.monotonic() - started:.0f} s ({shown})")
    user = _first_user() if stack.keeps_users else None
    click.echo(connect.page(stack.url, token, stack, signs_in=stack.signs_in, user=user))


def _first_user() -> FirstUser | None:
    """Who can sign in. The stack serves in any case, so a failure is told and no more."""
    try:
        return first_user()
    except Failure as failure:
        _say(f"Nobody was made who could sign in. {failure.message}")
        return None


def _say(text: str, end: str = "\n", to: TextIO | None = None) -> None:
    """A terminal that was closed must not keep a stop from being done."""
    output = to or sys.stderr
    with suppress(OSError):
        output.write(text + end)
        output.flush()


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
