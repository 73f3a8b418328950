"""What surrounds every call of a model, whatever the call does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import perf_counter
from traceback import clear_frames
from typing import TypeVar

from toolbridge_mcp.errors import OutcomeUnknown, ScopeMissing, Stopping, ToolBridgeError
from toolbridge_mcp.identity import AccessToken, get_access_token, user_of
from toolbridge_mcp.message import current_operation
from toolbridge_mcp.resilience import CallLimits, Interrupted
from toolbridge_mcp.telemetry import CANCELLED, OK, Operation, tallies

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
        operation = current_operation()
        operation.name, operation.correlation_id = self.name, token_hex(16)
        tallies.at_work[self.name] += 1
        try:
            access = get_access_token()
            result = await self.limits.call(user_of(access), self._allowed, access, operation, work, given)
        except Exception as fault:
            raise self._failed(fault, operation) from fault
        except BaseException:
            operation.ended(CANCELLED)
            raise
        finally:
            tallies.at_work[self.name] -= 1
        operation.ended(OK)
        return result

    async def _allowed(
        self,
        access: AccessToken | None,
        operation: Operation,
        work: Callable[[Given, str], Awaitable[Result]],
        given: Given,
    ) -> Result:
        operation.begin()
        if access is None or self.scope not in access.scopes:
            raise ScopeMissing(facts={"scope": self.scope})
        return await work(given, operation.correlation_id)

    def _failed(self, fault: Exception, operation: Operation) -> CallFailed:
        """The failure, which is the outcome of the operation.

        The frames of `fault` refer to it, which would keep the arguments and the answer of the call until the
        next full garbage collection.
        """
        error = self._error(fault)
        waited = perf_counter() - operation.arrived_at
        text = error.text({**self.words, "waited": f"{waited:.3g}"}, operation.correlation_id)
        operation.correlation_id = error.correlation_id or operation.correlation_id
        operation.ended(type(error).__name__, fault if type(error) is ToolBridgeError else None)
        clear_frames(fault.__traceback__)
        return CallFailed(text)

    def _error(self, fault: Exception) -> ToolBridgeError:
        """The error that a model reads: never a text of somebody else's exception."""
        match fault:
            case ToolBridgeError():
                return fault
            case Interrupted():
                return OutcomeUnknown() if self.writes else Stopping()
        return ToolBridgeError()
