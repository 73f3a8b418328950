"""Sessions on several machines: a session lives on one machine, and its messages may reach another.

On Fly.io a machine may answer that a request is for another machine; the platform then replays it there. The
id that a client knows a session by therefore names its machine. Where machines have no names, as anywhere
else, none of this happens.
"""

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from toolbridge_mcp.web.refusals import refusal

REPLAY_SECONDS = 3
"""How long the platform may try to reach the other machine."""

_MACHINE = re.compile(r"[0-9a-zA-Z]{1,64}")


class Machine:
    """The machine that this process runs on. `name` is None where machines have no names."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def replay(self, scope: Scope, machine: str | None) -> Response | None:
        """The answer to a message for a session on `machine`, or None if the session is here.

        The platform returns a request whose machine has gone, and the session with it. The client then gets a
        404, upon which it starts a new session (MCP 2025-11-25, transports, session management).
        """
        if self.name is None or machine is None or machine == self.name or not _MACHINE.fullmatch(machine):
            return None
        headers = Headers(scope=scope)
        if "fly-replay-failed" in headers or "fly-replay-src" in headers:
            says = "The session has ended with the machine that it was on; connect again."
            return refusal(404, "session_not_found", says)
        where = f"instance={machine};timeout={REPLAY_SECONDS}s;fallback=force_self"
        return Response(status_code=421, headers={"Fly-Replay": where})
