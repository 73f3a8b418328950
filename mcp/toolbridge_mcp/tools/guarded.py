"""What surrounds every call of a model, whatever the call does."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from traceback import clear_frames
from typing import TypeVar
from uuid import uuid4

from toolbridge_mcp.errors import OutcomeUnknown, ScopeMissing, Stopping, ToolBridgeError
from toolbridge_mcp.identity import get_access_token, user_of
from toolbridge_mcp.metrics import MeasuredCall
from toolbridge_mcp.resilience import CallLimits, Interrupted

Given = TypeVar("Given")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class CallFailed(Exception):
    """A call that failed. Its text is for the model: what happened, what to do, and a correlation id."""


@dataclass(frozen=True)
class Guarded:
    """A kind of call: its name in logs and metrics, the scope that it needs, and the words for its errors."""

    name: str
    scope: str
    writes: bool
    words: Mapping[str, str]
    limits: CallLimits

    async def call(self, work: Callable[[Given, str], Awaitable[Result]], given: Given) -> Result:
        """What `work` returns for `given` and the call's correlation id, within all limits.

        Whatever is raised becomes `CallFailed`, is counted, and is logged under the correlation id.
        """
        correlation_id = uuid4().hex
        with MeasuredCall(self.name) as call:
            try:
                result = await self._limited(work, given, correlation_id)
            except Exception as fault:
                raise self._failed(fault, call, correlation_id) from fault
            call.outcome = "ok"
            return result

    async def _limited(
        self, work: Callable[[Given, str], Awaitable[Result]], given: Given, correlation_id: str
    ) -> Result:
        access = get_access_token()
        async with self.limits.call(user_of(access)):
            if access is None or self.scope not in access.scopes:
                raise ScopeMissing(facts={"scope": self.scope})
            return await work(given, correlation_id)

    def _failed(self, fault: Exception, call: MeasuredCall, correlation_id: str) -> CallFailed:
        """The failure, counted and logged.

        The frames of `fault` refer to it, which would keep the arguments and the answer of the call until the
        next full garbage collection.
        """
        error = self._error(fault)
        call.outcome = type(error).__name__
        self._log(error, fault, error.correlation_id or correlation_id)
        context = {**self.words, "waited": f"{call.seconds:.3g}"}
        clear_frames(fault.__traceback__)
        return CallFailed(error.text(context, correlation_id))

    def _error(self, fault: Exception) -> ToolBridgeError:
        """The error that a model reads: never a text of somebody else's exception."""
        match fault:
            case ToolBridgeError():
                return fault
            case Interrupted():
                return OutcomeUnknown() if self.writes else Stopping()
        return ToolBridgeError()

    def _log(self, error: ToolBridgeError, fault: Exception, correlation_id: str) -> None:
        unforeseen = type(error) is ToolBridgeError
        logger.log(
            logging.ERROR if unforeseen else logging.INFO,
            "tool call failed",
            extra={"tool": self.name, "error": type(error).__name__, "correlation_id": correlation_id},
            exc_info=fault if unforeseen else None,
        )
