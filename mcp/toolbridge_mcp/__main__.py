"""`python -m toolbridge_mcp`: the gateway as a process."""

import sys

from pydantic import ValidationError

from toolbridge_mcp import uvicorn_server
from toolbridge_mcp.app import create_app
from toolbridge_mcp.settings import WrongSetting, explain, from_environment


def main() -> int:
    """Serves until told to stop, or examines with `doctor`. Returns 2 when a setting is missing or wrong."""
    if sys.argv[1:2] == ["doctor"]:
        from toolbridge_mcp import doctor  # it needs the client library, which the gateway does not

        return doctor.main(sys.argv[2:])
    if sys.argv[1:]:
        sys.stderr.write("Usage: python -m toolbridge_mcp [doctor [--url URL] [--token TOKEN]]\n")
        return 2
    try:
        settings = from_environment()
        app = create_app(settings)
        listener = uvicorn_server.listen(settings.host, settings.port)
    except ValidationError as error:
        return _refused(explain(error))
    except WrongSetting as error:
        return _refused(error.sentence)
    except OSError as error:
        return _refused(f"TOOLBRIDGE_HOST and TOOLBRIDGE_PORT: cannot listen there: {error.strerror}.")
    uvicorn_server.serve(app, listener, settings.trusted_proxies, settings.drain_seconds)
    return 0


def _refused(sentences: str) -> int:
    sys.stderr.write(f"The gateway does not start:\n{sentences}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
