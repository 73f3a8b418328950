"""The address of a client whose proxy names it in a header of its own."""

from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED_FOR = b"x-forwarded-for"


class NamedInHeader:
    """In front of what reads `X-Forwarded-For`: puts the value of another header in its place."""

    def __init__(self, app: ASGIApp, header: str) -> None:
        self._app = app
        self._header = header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [one for one in scope["headers"] if one[0] != FORWARDED_FOR]
            named = [(FORWARDED_FOR, value) for name, value in others if name == self._header]
            scope["headers"] = others + named
        await self._app(scope, receive, send)
