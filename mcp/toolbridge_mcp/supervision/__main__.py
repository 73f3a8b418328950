"""`python -m toolbridge_mcp.supervision`: the container's first process."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from toolbridge_mcp.environment import API_URL, FLEET_SECRET, START_API, cleaned, has_own_api
from toolbridge_mcp.listening import EVERY_IPV4, reached_at
from toolbridge_mcp.readable import has_colours, in_json, wants_text
from toolbridge_mcp.supervision.launcher import Launcher
from toolbridge_mcp.supervision.lines import Output, Readable, line

DEFAULTS = {"TOOLBRIDGE_PORT": "8001", "API_PORT": "8081", "TENANT_SIGNATURES": "v2"}
"""What the programs here agree on. A gateway of the same version signs requests whole, so its API accepts
nothing less."""


def main() -> int:
    """Runs supervisord until it ends. Returns 0 after a requested stop, 1 when something failed."""
    environment = of_programs(os.environ)
    output: Output = sys.stdout.buffer
    if wants_text(cleaned(os.environ)):
        output = Readable(output, coloured=has_colours(sys.stdout, os.environ))
    if FLEET_SECRET in os.environ:
        _say(output, "error", "not starting: the secret of the whole fleet must not be here", FLEET_SECRET)
        return 1
    if not has_own_api(os.environ):
        _say(output, "info", "starting the gateway alone: its API runs elsewhere", API_URL)
    configuration = Path(environment["TOOLBRIDGE_HOME"], "supervisord.conf")
    return Launcher(["supervisord", "-c", str(configuration)], output, environment).run()


def _say(output: Output, level: str, message: str, variable: str) -> None:
    output.write(f"{line(level, 'supervision', message, variable=variable)}\n".encode())
    output.flush()


def of_programs(given: Mapping[str, str]) -> dict[str, str]:
    """The environment that supervisord.conf and the programs need, made from the container's. Their lines are
    JSON, which this process makes readable if that is asked for."""
    own_api = has_own_api(given)
    settings = {**DEFAULTS, **in_json(cleaned(given))}
    address = {API_URL: f"http://127.0.0.1:{settings['API_PORT']}"} if own_api else {}
    return {
        **settings,
        **address,
        START_API: str(own_api).lower(),
        "TOOLBRIDGE_LOCAL_HOST": reached_at(settings.get("TOOLBRIDGE_HOST", EVERY_IPV4)),
    }


if __name__ == "__main__":
    sys.exit(main())
