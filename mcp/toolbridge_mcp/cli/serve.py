"""`toolbridge serve`: the gateway as a process."""

import signal
import sys

from pydantic import ValidationError

from toolbridge_mcp import uvicorn_server
from toolbridge_mcp.app import create_app
from toolbridge_mcp.connections import Connections
from toolbridge_mcp.settings import WrongSetting, explain, from_environment


def serve() -> int:
    """Serves until a signal stops it. Returns 130 after Ctrl-C, 2 when a setting is missing or wrong, and 1
    when the port is taken, which may pass."""
    try:
        settings = from_environment()
        app = create_app(settings)
    except ValidationError as error:
        return _refused(explain(error))
    except WrongSetting as error:
        return _refused(error.sentence)
    try:
        opened = uvicorn_server.listen(settings.host, settings.port)
    except OSError as error:
        return _refused(f"TOOLBRIDGE_HOST and TOOLBRIDGE_PORT: cannot listen there: {error.strerror}.", 1)
    try:
        most = uvicorn_server.most_connections(settings.max_connections, settings.max_calls)
        proxies = settings.trusted_proxies
        connections = Connections(most, settings.max_connections_per_address, proxies)
        uvicorn_server.serve(app, opened, proxies, settings.drain_seconds, connections)
    except KeyboardInterrupt:  # uvicorn raises the signal again when everything has ended
        return 128 + signal.SIGINT
    return 0


def _refused(sentences: str, code: int = 2) -> int:
    sys.stderr.write(f"The gateway does not start:\n{sentences}\n")
    return code
