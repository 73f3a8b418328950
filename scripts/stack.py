"""One stack: the launcher with supervisord, the API and the gateway on one data folder.

    stack.py check    the ports are free and nothing runs on the data folder
    stack.py run      start, print how to connect, stop on Ctrl-C or SIGTERM
    stack.py detach   start, print how to connect, return
    stack.py stop     stop what runs on the data folder

Settings come from the environment, which run.sh completes. `check` and `stop` need nothing but
the standard library.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import connection_help
import stack_state as state
from stack_state import StackError

READY_WITHIN = 30
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

HOME = Path(os.environ["TOOLBRIDGE_HOME"])
HOST = os.environ["TOOLBRIDGE_HOST"]


def say(text: str, end: str = "\n") -> None:
    """A terminal that was closed must not keep a stop from being done."""
    with contextlib.suppress(OSError):
        sys.stderr.write(text + end)
        sys.stderr.flush()


# Before a start


def port_number(variable: str) -> int:
    text = os.environ[variable]
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise StackError(f"{variable} is {text!r}; it must be a port number, 1 to 65535.")
    return int(text)


def check_port(program: str, host: str, variable: str) -> None:
    port = port_number(variable)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # Without it a port that was just closed looks taken for a minute.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise StackError(
            f"Port {port} on {host}, wanted for the {program}, cannot be used ({error.strerror}). "
            f"Set {variable} to a free port, or end what uses it."
        ) from error


def check() -> None:
    """Refuses, with what to do about it, where a start could not work."""
    if state.is_running():
        raise StackError(
            f"ToolBridge already runs on {state.DATA} (process {state.written_pid()}). "
            "Stop it with scripts/run.sh stop, or set TOOLBRIDGE_DATA_DIR, TOOLBRIDGE_PORT and API_PORT "
            "to start a second one."
        )
    state.end_leftovers()
    if port_number("TOOLBRIDGE_PORT") == port_number("API_PORT"):
        raise StackError("TOOLBRIDGE_PORT and API_PORT are the same; gateway and API need a port each.")
    check_port("gateway", HOST, "TOOLBRIDGE_PORT")
    check_port("API", "127.0.0.1", "API_PORT")


# A start


def start_launcher() -> subprocess.Popen[bytes]:
    """In a session of its own, so that a Ctrl-C reaches this process alone, which then stops it."""
    lock = state.open_lock()
    if not state.take(lock):
        os.close(lock)
        check()
        raise StackError("Another start on this data folder was faster.")
    log = state.open_log()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "toolbridge_mcp.supervision"],
            cwd=HOME / "mcp",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
            env=os.environ | {"TOOLBRIDGE_PIDFILE": str(state.SUPERVISOR_PIDFILE)},
        )
        state.PIDFILE.write_text(f"{process.pid}\n")
    finally:
        os.close(log)
        os.close(lock)
    return process


def reachable_host() -> str:
    """Where a client on this machine finds the gateway: "every address" is not one to connect to."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(HOST, HOST)  # noqa: S104  compared, not bound


def address() -> str:
    host = reachable_host()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port_number('TOOLBRIDGE_PORT')}"


def is_ready() -> bool:
    connection = http.client.HTTPConnection(reachable_host(), port_number("TOOLBRIDGE_PORT"), timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not is_ready():
        if process.poll() is not None:
            raise StackError(f"The stack ended by itself.\n{state.log_tail()}")
        if time.monotonic() > deadline:
            raise StackError(f"Not ready after {READY_WITHIN} s.\n{state.log_tail()}")
        time.sleep(0.1)


def output_of(script: str, **variables: str) -> str:
    """What another script of this folder prints."""
    # A proxy of the machine has no business between this process and its own loopback.
    direct = f"{reachable_host()},127.0.0.1"
    environment = os.environ | {"NO_PROXY": direct, "no_proxy": direct} | variables
    command = [sys.executable, str(HOME / "scripts" / script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StackError(f"{script} failed: {done.stderr.strip()}\n{state.log_tail()}")
    return done.stdout.strip()


def prove_and_explain(process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    # The last of the steps that run.sh counts.
    say("[5/5] Start ... ", end="")
    wait_until_ready(process)
    token = output_of("development_token.py")
    proof = output_of("first_call.py", TOOLBRIDGE_URL=f"{address()}/sse", TOOLBRIDGE_TOKEN=token)
    say(f"{time.monotonic() - started:.0f} s ({proof})")
    sys.stdout.write(connection_help.text(address(), token, state.LOG))
    sys.stdout.flush()


# A stop


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(state.STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    state.end_leftovers()


def stop_on_request() -> None:
    found = state.is_running()
    state.ask_to_stop()
    state.end_leftovers()
    say(f"Stopped what ran on {state.DATA}." if found else f"Nothing runs on {state.DATA}.")


def interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def run(*, detached: bool) -> None:
    # Set here and not left to Python: a shell starts a background job with SIGINT ignored.
    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    check()
    process = start_launcher()
    try:
        prove_and_explain(process)
        if detached:
            say("Running in the background. Stop it with scripts/run.sh stop.")
            return
        say("Running. Ctrl-C stops everything.")
        status = process.wait()
    except KeyboardInterrupt:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        say("\nStopping ... ", end="")
        stop(process)
        say("stopped.")
        return
    except BaseException:
        say("failed")
        stop(process)
        raise
    state.end_leftovers()
    # It returns 0 exactly when it was asked to stop: by scripts/run.sh stop.
    if status != 0:
        raise StackError(f"The stack ended by itself.\n{state.log_tail()}")
    say("Stopped from elsewhere.")


def main() -> None:
    commands = {
        "check": check,
        "run": lambda: run(detached=False),
        "detach": lambda: run(detached=True),
        "stop": stop_on_request,
    }
    command = commands.get(" ".join(sys.argv[1:]))
    if command is None:
        sys.exit(__doc__)
    try:
        command()
    except StackError as error:
        sys.exit(f"run.sh: {error}")


if __name__ == "__main__":
    main()
