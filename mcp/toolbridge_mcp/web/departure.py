"""Clients that leave before they have their answer."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def has_left(receive: Receive) -> bool:
    """Whether the client has closed its connection. Its request must have been read whole."""
    next_message = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    left = next_message.done() and _is_the_end(next_message)
    next_message.cancel()
    return left


async def until_the_client_leaves(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Runs `app`, which answers once, and cancels it when nobody waits for the answer any more: in revision
    2026-07-28 of MCP that is how a client cancels a call."""
    watch = _Watch(receive, send)
    try:
        await app(scope, watch.receive, watch.send)
    except asyncio.CancelledError:
        if not watch.has_left:
            raise
        watch.task.uncancel()
    finally:
        watch.stop()


class _Watch:
    """Between a client and the application, in whose task it is made."""

    def __init__(self, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled outside of a task")
        self.task = task
        self.has_left = False
        self._receive = receive
        self._send = send
        self._after_request: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        """A message of the request; behind its last one the watch begins."""
        if self._after_request is not None:
            return await asyncio.shield(self._after_request)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._after_request = asyncio.ensure_future(self._receive())
            self._after_request.add_done_callback(self._cancel)
        return message

    async def send(self, message: Message) -> None:
        """The answer has begun: from now on the application ends by itself."""
        if self._after_request is not None:
            self._after_request.remove_done_callback(self._cancel)
        await self._send(message)

    def stop(self) -> None:
        if self._after_request is not None:
            self._after_request.remove_done_callback(self._cancel)
            self._after_request.cancel()

    def _cancel(self, end: "asyncio.Future[Message]") -> None:
        if _is_the_end(end):
            self.has_left = True
            self.task.cancel()


def _is_the_end(message: "asyncio.Future[Message]") -> bool:
    return (
        not message.cancelled() and not message.exception() and message.result()["type"] == "http.disconnect"
    )
