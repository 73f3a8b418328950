"""`python -m toolbridge_mcp`: the gateway as a process."""

import gc
import socket
import sys

import uvicorn
from pydantic import ValidationError

from toolbridge_mcp.app import create_app
from toolbridge_mcp.settings import Settings, WrongSetting, explain
from toolbridge_mcp.web import Gateway

GRACE_SECONDS = 5
VANISHED_SECONDS = 60
BACKLOG = 2048


def main() -> int:
    """Serves until told to stop, or examines with `doctor`. Returns 2 when a setting is missing or wrong."""
    if sys.argv[1:2] == ["doctor"]:
        from toolbridge_mcp import doctor  # it needs the client library, which the gateway does not

        return doctor.main(sys.argv[2:])
    if sys.argv[1:]:
        sys.stderr.write("Usage: python -m toolbridge_mcp [doctor [--url URL] [--token TOKEN]]\n")
        return 2
    try:
        settings = Settings()
        app = create_app(settings)
        listener = _listen(settings)
    except ValidationError as error:
        return _refused(explain(error))
    except WrongSetting as error:
        return _refused(error.sentence)
    except OSError as error:
        return _refused(f"TOOLBRIDGE_HOST and TOOLBRIDGE_PORT: cannot listen there: {error.strerror}.")
    _settle_memory()
    uvicorn.Server(_config(app, settings)).run(sockets=[listener])
    return 0


def _refused(sentences: str) -> int:
    sys.stderr.write(f"The gateway does not start:\n{sentences}\n")
    return 2


def _config(app: Gateway, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. Its connections end when a client acknowledges nothing for a while: a vanished
    one would hold its session for a quarter of an hour."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000)
    return listener


def _settle_memory() -> None:
    """Keeps the garbage collector away from what lives as long as the process: full collections over the
    schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


if __name__ == "__main__":
    sys.exit(main())
