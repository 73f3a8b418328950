"""Clients that close the connection before they have the answer."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def has_disconnected(receive: Receive) -> bool:
    """Whether the client has closed its connection. Its request must have been read to the end."""
    next_message = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    disconnected = next_message.done() and _is_disconnect(next_message)
    next_message.cancel()
    return disconnected


async def cancel_on_disconnect(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Runs `app`, and cancels it when the client disconnects before the answer begins: in revision 2026-07-28
    of MCP a client cancels a call in this way."""
    watch = _DisconnectWatch(receive, send)
    try:
        await app(scope, watch.receive, watch.send)
    except asyncio.CancelledError:
        if not watch.has_disconnected:
            raise
        watch.task.uncancel()
    finally:
        watch.stop()


class _DisconnectWatch:
    """Between a client and the application that answers it. Made in the task that runs the application."""

    def __init__(self, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled outside of a task")
        self.task = task
        self.has_disconnected = False
        self._receive = receive
        self._send = send
        self._after_request: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        """The next message of the request. Its last one starts the watch."""
        if self._after_request is not None:
            return await asyncio.shield(self._after_request)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._after_request = asyncio.ensure_future(self._receive())
            self._after_request.add_done_callback(self._cancel_task)
        return message

    async def send(self, message: Message) -> None:
        """The start of the answer ends the watch: the application will end by itself."""
        if self._after_request is not None:
            self._after_request.remove_done_callback(self._cancel_task)
        await self._send(message)

    def stop(self) -> None:
        if self._after_request is not None:
            self._after_request.remove_done_callback(self._cancel_task)
            self._after_request.cancel()

    def _cancel_task(self, message: "asyncio.Future[Message]") -> None:
        if _is_disconnect(message):
            self.has_disconnected = True
            self.task.cancel()


def _is_disconnect(message: "asyncio.Future[Message]") -> bool:
    return (
        not message.cancelled() and not message.exception() and message.result()["type"] == "http.disconnect"
    )
