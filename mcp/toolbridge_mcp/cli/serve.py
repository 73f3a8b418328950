"""`toolbridge serve`: the gateway as a process, and the child of it that serves."""

import sys

from pydantic import ValidationError

from toolbridge_mcp import memory, metrics, uvicorn_server
from toolbridge_mcp.app import create_app
from toolbridge_mcp.connections import Connections
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.settings import Settings, WrongSetting, explain, from_environment
from toolbridge_mcp.supervision.prefork import Parent

API_WAIT_SECONDS = 2.0
"""How long a child that replaces another one waits for the API, at most: clients wait meanwhile."""

TURN_SECONDS = 0.001
"""How long the event loop waits for a thread that makes the text of the metrics, each time that it has to: a
call has to wait several times. Python's own 5 ms would add up to more than the call takes."""


def serve() -> int:
    """Serves until a signal stops it. Returns 0 after SIGTERM, 130 after Ctrl-C, 2 when a setting is missing
    or wrong, and 1 when the port is taken, which may pass; otherwise what `Parent.run` says."""
    parent = Parent()
    try:
        settings = from_environment()
        rings = Rings.of(settings)
        app = create_app(settings, lambda: _api_wait(settings, parent), rings)
    except ValidationError as error:
        return _refused(explain(error))
    except WrongSetting as error:
        return _refused(error.sentence)
    try:
        opened = uvicorn_server.listen(settings.host, settings.port)
    except OSError as error:
        return _refused(f"TOOLBRIDGE_HOST and TOOLBRIDGE_PORT: cannot listen there: {error.strerror}.", 1)
    most = uvicorn_server.most_connections(settings.max_connections, settings.max_calls)
    proxies = settings.trusted_proxies
    connections = Connections(most, settings.max_connections_per_address, proxies)
    server = uvicorn_server.prepared(
        app, proxies, settings.drain_seconds, connections, settings.client_address_header
    )
    metrics.watch_replaced(lambda: parent.replaced)
    memory.freeze()
    sys.setswitchinterval(TURN_SECONDS)
    # So a new child has the keys of the one before it even if it cannot read their file. That one tells.
    return parent.run(
        lambda beating: server.serve_at(opened, beating), opened, beside=lambda: rings.look(tells=False)
    )


def _api_wait(settings: Settings, parent: Parent) -> float:
    return min(settings.api_wait_seconds, API_WAIT_SECONDS) if parent.replaced else settings.api_wait_seconds


def _refused(sentences: str, code: int = 2) -> int:
    sys.stderr.write(f"The gateway does not start:\n{sentences}\n")
    return code
