"""What can go wrong on the way of a tool call, in sentences a model can act on.

Each class is one situation: what happened (`says`) and what to do next (`advice`). `str(error)` is the
whole text that the model reads; it never holds an address, a token or a payload.
"""

from collections.abc import Mapping
from typing import ClassVar


class ToolBridgeError(Exception):
    """A tool call that failed.

    `message` is the API's own sentence if it gave one, `facts` fill the places of the two texts:
    `word`, `kind` and `plural` of the entity, and what the class documents.
    """

    says: ClassVar[str] = "The call failed inside the gateway."
    advice: ClassVar[str] = "Repeat it once; if it fails again, tell the user and name the correlation id."

    def __init__(
        self, message: str = "", *, correlation_id: str = "", facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.wait_seconds: float | None = None
        """How long the API asks to wait before the call is repeated."""
        self.correlation_id = correlation_id
        self.facts = facts or {}

    def __str__(self) -> str:
        facts = _Facts(self.facts)
        parts = [self.says.format_map(facts)]
        if self.message:
            parts.append(f'The API says: "{self.message}".')
        parts.append(self.advice.format_map(facts))
        if self.correlation_id:
            parts.append(f"Correlation id: {self.correlation_id}.")
        return " ".join(parts)


class _Facts(dict[str, object]):
    """Facts, with plain words for those nobody gave."""

    _WORDS: ClassVar[Mapping[str, str]] = {
        "word": "item",
        "kind": "item",
        "plural": "items",
        "consequence": "a change may have been made",
    }

    def __missing__(self, name: str) -> object:
        return self._WORDS.get(name, "?")


class InvalidArguments(ToolBridgeError):
    """The arguments do not fit the tool; nothing was sent to the API. `problems` says how."""

    says = "The arguments do not fit: {problems}"
    advice = "Correct them and call again."


class SignInRequired(ToolBridgeError):
    """The API did not accept the caller's token."""

    says = "The API did not accept the user's sign-in."
    advice = "Ask the user to sign in again or to renew the token, then repeat the call."


class TenantRefused(ToolBridgeError):
    """The API did not accept this gateway's tenant signature."""

    says = "The API does not accept this gateway: tenant, secret or clock of the two disagree."
    advice = "Nobody but the operator can mend this; tell the user and name the correlation id."


class Forbidden(ToolBridgeError):
    """The caller may not do this."""

    says = "The user may not do this."
    advice = "Do not repeat it; ask the user for other access."


class ScopeMissing(ToolBridgeError):
    """The caller's token does not allow this kind of call. `scope` is what it needs."""

    says = "The user's sign-in does not allow this: its token has no scope {scope}. Nothing was done."
    advice = "Ask the user to sign in again and to allow it."


class InvalidRequest(ToolBridgeError):
    """The API refused the content of the request."""

    says = "The API did not accept the request; nothing was changed."
    advice = "Correct what the message names and call again."


class NotFound(ToolBridgeError):
    """No such item among the caller's own."""

    says = "The user has no {word} with this uid."
    advice = "Check the uid; list_{plural} shows those there are."


class Deleted(ToolBridgeError):
    """The item is a tombstone."""

    says = "This {word} has been deleted."
    advice = "get_{kind} with include_deleted still reads it; it can no longer be changed."


class VersionMismatch(ToolBridgeError):
    """`if_match` names another version than the stored one; nothing was written."""

    says = "The {word} has changed since that version; nothing was written."
    advice = "Read it with get_{kind}, then repeat with if_match set to its version."


class AlreadyExists(ToolBridgeError):
    """The uid of a new item is taken."""

    says = "A {word} with this uid already exists; nothing was written."
    advice = "Leave the uid out to get a new one, or change the existing one with patch_{kind}."


class ParentNotFound(ToolBridgeError):
    """The item that a comment or message belongs to does not exist or was deleted."""

    says = "The item that the {word} shall belong to does not exist; nothing was written."
    advice = "Look up an existing one and give all of its parent fields again."


class EpochChanged(ToolBridgeError):
    """All data of the user was wiped between the session's start and the write."""

    says = "The user's data was wiped in the meantime; nothing was written."
    advice = "Read what there is now before writing again."


class SessionRefused(ToolBridgeError):
    """The API refused a session opened a moment ago, twice."""

    says = "The API did not accept a fresh sync session."
    advice = "Repeat the call in a few seconds."


class TooLarge(ToolBridgeError):
    """The request is larger than the API takes."""

    says = "The content is larger than the API takes; nothing was written."
    advice = "Send less, for example split it into several {plural}."


class RateLimited(ToolBridgeError):
    """Too many calls of this user. `retry_after` is in seconds."""

    says = "The user has made too many calls."
    advice = "Wait {retry_after} seconds, then repeat the call."


class Conflict(ToolBridgeError):
    """The request does not fit the state of the data."""

    says = "The request does not fit the present state of the {word}; nothing was written."
    advice = "Read it again with get_{kind} before repeating."


class Unavailable(ToolBridgeError):
    """The API was not reached or cannot serve now; nothing was done. `retry_after` is in seconds."""

    says = "The API is not available at the moment; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call."


class TokenServiceRefused(SignInRequired):
    """The token service did not exchange the caller's token."""

    says = "The token service did not accept the user's sign-in; nothing was done."


class TokenServiceMisconfigured(ToolBridgeError):
    """The token service did not accept the gateway itself, or its answer is no token."""

    says = "The token service does not give this gateway a token for the API; nothing was done."
    advice = "Nobody but the operator can mend this; tell the user and name the correlation id."


class TokenServiceUnavailable(Unavailable):
    """The token service was not reached or cannot serve now. `retry_after` is in seconds."""

    says = "The token service is not available at the moment; nothing was done."


class IssuedTokenRefused(ToolBridgeError):
    """The API did not accept a token that the token service had just issued."""

    says = "The API does not accept the token that the token service issued; nothing was done."
    advice = "Nobody but the operator can mend this; tell the user and name the correlation id."


class NotReached(Unavailable):
    """No connection to the API could be opened. `retry_after` is in seconds."""


class CircuitOpen(Unavailable):
    """The API has not answered for a while, so the call was not sent. `retry_after` is in seconds."""


class Busy(ToolBridgeError):
    """As many calls are at work as the gateway takes. `whose` says of whom, `retry_after` is in seconds."""

    says = "{whose} as many calls at work as the gateway takes; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call, with fewer others beside it."


class Stopping(ToolBridgeError):
    """The gateway takes no more calls, since it is about to stop. `retry_after` is in seconds."""

    says = "The gateway is about to restart; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call."


class TimedOut(ToolBridgeError):
    """The call's time was up before the API answered; nothing was changed. `waited` is in seconds."""

    says = "The API did not answer within {waited} seconds; nothing was changed."
    advice = "Repeat the call once, a list with a smaller limit; if that fails too, tell the user."


class OutcomeUnknown(ToolBridgeError):
    """A write was sent and no answer came: it may or may not have been done."""

    says = "The connection broke before the API answered: the change may or may not have been made."
    advice = "Look with get_{kind} or list_{plural} before repeating it."


class TimedOutWrite(OutcomeUnknown):
    """A write was sent and the call's time was up before the API answered. `waited` is in seconds."""

    says = "The API did not answer within {waited} seconds: the change may or may not have been made."


class ApiFailed(ToolBridgeError):
    """The API answered with a failure of its own."""

    says = "The API failed while working on the call."
    advice = (
        "Check the arguments, then read what is stored before repeating a write; "
        "if it fails again, tell the user and name the correlation id."
    )


class BadAnswer(ToolBridgeError):
    """The API's answer is not what the contract says."""

    says = "The API's answer could not be understood; {consequence}."
    advice = "Look at what is stored before repeating a write; tell the user and name the correlation id."


class AnswerTooLong(BadAnswer):
    """The API's answer is longer than any of its own can be. `limit` is in bytes."""

    says = "The API's answer is longer than {limit} bytes and was not read; {consequence}."
    advice = "List with a smaller limit. Look at what is stored before repeating a write, and tell the user."


class CannotFilter(ToolBridgeError):
    """The API would ignore the filter and return everything."""

    says = "This API cannot filter or order lists."
    advice = "List the {plural} without these arguments and pick from the pages."


class AnswerTooLarge(ToolBridgeError):
    """The API's answer is larger than AI clients take. `size` is in bytes."""

    says = "The answer is too large for an AI client ({size} bytes)."
    advice = "List with a smaller limit; a single item of this size can only be read through the API."


BY_CODE: Mapping[str, type[ToolBridgeError]] = {
    "deadline_exceeded": TimedOut,
    "epoch_mismatch": EpochChanged,
    "invalid_tenant": TenantRefused,
    "outcome_unknown": OutcomeUnknown,
    "parent_not_found": ParentNotFound,
    "uid_exists": AlreadyExists,
}
"""The API's `code` where the status alone does not tell the situation."""

BY_STATUS: Mapping[int, type[ToolBridgeError]] = {
    400: InvalidRequest,
    401: SignInRequired,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Deleted,
    412: VersionMismatch,
    413: TooLarge,
    422: InvalidRequest,
    428: SessionRefused,
    429: RateLimited,
    503: Unavailable,
}


def error_class(status: int, code: str = "") -> type[ToolBridgeError]:
    """The situation that an HTTP answer of the API describes."""
    if code in BY_CODE:
        return BY_CODE[code]
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status >= 500:
        return ApiFailed
    return InvalidRequest if 400 <= status < 500 else BadAnswer
