"""Sessions on several machines: a session lives in one, and a message for it may reach another.

On Fly.io a machine may answer that a request is for another one, by id; the platform then hands it over.
What a session is known by therefore names its machine. Without a machine's name, as anywhere else, none of
this happens.
"""

import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

_MACHINE = re.compile(r"[0-9a-zA-Z]{1,64}")
SECONDS = 3


class Machine:
    """The machine that this process runs on; `name` is None where there is only one."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def elsewhere(self, scope: Scope, machine: str | None) -> Response | None:
        """The answer to a message for a session of another machine; None if the session is here.

        The platform gives a request back when that machine has gone, and its sessions with it. The client is
        told so as MCP wants it (404), and starts anew.
        """
        if self.name is None or machine is None or machine == self.name or not _MACHINE.fullmatch(machine):
            return None
        headers = Headers(scope=scope)
        if "fly-replay-failed" in headers or "fly-replay-src" in headers:
            says = "The session has ended with the machine that it was on; connect again."
            return JSONResponse({"error": "session_not_found", "error_description": says}, status_code=404)
        where = f"instance={machine};timeout={SECONDS}s;fallback=force_self"
        return Response(status_code=421, headers={"Fly-Replay": where})
