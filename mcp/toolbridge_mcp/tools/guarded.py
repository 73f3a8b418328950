"""What surrounds every call of a model, whatever the call does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import perf_counter
from traceback import clear_frames
from typing import TypeVar

from toolbridge_mcp.errors import OutcomeUnknown, ScopeMissing, Stopping, ToolBridgeError
from toolbridge_mcp.identity import AccessToken, get_access_token, user_of
from toolbridge_mcp.logs import log_call
from toolbridge_mcp.metrics import count_call
from toolbridge_mcp.resilience import CallLimits, Interrupted

Given = TypeVar("Given")
Result = TypeVar("Result")


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

        Whatever is raised becomes `CallFailed`. Each call is counted, and logged under its correlation id.
        """
        correlation_id, begun = token_hex(16), perf_counter()
        try:
            access = get_access_token()
            result = await self.limits.call(
                user_of(access), self._allowed, access, work, given, correlation_id
            )
        except Exception as fault:
            raise self._failed(fault, perf_counter() - begun, correlation_id) from fault
        except BaseException:
            self._ended("cancelled", perf_counter() - begun, correlation_id)
            raise
        self._ended("ok", perf_counter() - begun, correlation_id)
        return result

    async def _allowed(
        self,
        access: AccessToken | None,
        work: Callable[[Given, str], Awaitable[Result]],
        given: Given,
        correlation_id: str,
    ) -> Result:
        if access is None or self.scope not in access.scopes:
            raise ScopeMissing(facts={"scope": self.scope})
        return await work(given, correlation_id)

    def _failed(self, fault: Exception, seconds: float, correlation_id: str) -> CallFailed:
        """The failure, counted and logged.

        The frames of `fault` refer to it, which would keep the arguments and the answer of the call until the
        next full garbage collection.
        """
        error = self._error(fault)
        unforeseen = fault if type(error) is ToolBridgeError else None
        self._ended(type(error).__name__, seconds, error.correlation_id or correlation_id, unforeseen)
        context = {**self.words, "waited": f"{seconds:.3g}"}
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

    def _ended(
        self, outcome: str, seconds: float, correlation_id: str, unforeseen: Exception | None = None
    ) -> None:
        """Counts the call and writes its line, which has neither arguments nor answer."""
        count_call(self.name, outcome, seconds)
        log_call(self.name, outcome, seconds, correlation_id, unforeseen)
