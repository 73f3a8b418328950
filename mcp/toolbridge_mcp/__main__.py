"""`python -m toolbridge_mcp`: the gateway as a process."""

import gc
import sys

import uvicorn
from pydantic import ValidationError

from toolbridge_mcp.app import create_app
from toolbridge_mcp.settings import Settings, explain

GRACE_SECONDS = 5


def main() -> int:
    """Serves until told to stop. Returns 2 when a setting is missing or wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"The gateway does not start:\n{explain(error)}\n")
        return 2
    app = create_app(settings)
    _settle_memory()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0


def _settle_memory() -> None:
    """Keeps the garbage collector away from what lives as long as the process: full collections over the
    schemas made the slowest calls four times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


if __name__ == "__main__":
    sys.exit(main())
