"""What can go wrong on the way of a tool call, in sentences that a model can act on.

Each class is one situation: `says` is what happened, `advice` is what to do next. In the tree, a class is a
kind of the class above it; lines in lower case are headings.

ToolBridgeError                     nothing below fits: a fault of the gateway itself
  before anything is sent
    InvalidArguments
    ScopeMissing
    Busy
    Stopping
    CannotFilter
    CannotSort
  the API or the token service is not there
    Unavailable
      NotReached
      CircuitOpen
      TokenServiceUnavailable
  the call is not let through
    SignInRequired
      TokenServiceRefused
    TokenServiceMisconfigured
    IssuedTokenRefused
    TenantRefused
    ScopeRefused
    Forbidden
      ReadOnly
    SessionRefused
    RateLimited
    NoSuchOperation
      FeatureMissing
  Rejected                          the API examined the request and wrote nothing
    InvalidRequest
    NotFound
      ChangeNotFound
      NotKept
      NothingRead
    Deleted
    VersionMismatch
    AlreadyExists
    ParentNotFound
    EpochChanged
    TooLarge
    QuotaExceeded
    DiskFull
    Conflict
      Ambiguous
      EditMismatch
      TooManyMatches
      UndoConflict
  no answer, or none that can be used
    TimedOut
    OutcomeUnknown
      TimedOutWrite
    ApiFailed
    BadAnswer
      AnswerTooLong
    AnswerTooLarge
    AnswersUnread
    AnswerDropped

`client/codes.py` assigns the API's own error codes to these classes. Logs and metrics show the class's name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

DEFAULT_WAIT_SECONDS = 2
"""How long a model should wait before it repeats a call, if the API does not say."""

NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class ToolBridgeError(Exception):
    """A tool call that failed. It never changes once it is made.

    `message` is the API's own sentence if it gave one, `details` what it gave for programs, and `more` are
    sentences that say what those mean. `facts` fill the places in the two texts, such as {limit}.
    `wait_seconds` is how long the API asks to wait before the call is repeated. No text ever holds an address
    or a token; what is stored is in quotation marks, short, and with nothing hidden in it.
    """

    says: ClassVar[str] = "The call failed inside the gateway."
    advice: ClassVar[str] = "Repeat it once; if it fails again, tell the user and name the correlation id."

    def __init__(
        self,
        message: str = "",
        *,
        correlation_id: str = "",
        facts: Mapping[str, object] = NO_FACTS,
        wait_seconds: int | None = None,
        details: Mapping[str, Any] = NO_FACTS,
        more: str = "",
    ) -> None:
        super().__init__(message)
        self.details: Final = details
        self.more: Final = more
        self.message: Final = message
        self.correlation_id: Final = correlation_id
        self.facts: Final = facts
        self.wait_seconds: Final = wait_seconds

    def __str__(self) -> str:
        return self.text()

    def text(self, context: Mapping[str, object] = NO_FACTS, correlation_id: str = "") -> str:
        """All that the model reads. `context` fills the places that the error's own facts leave open: the
        words of the entity, and `waited`, the seconds since the call arrived."""
        asked = {} if self.wait_seconds is None else {"retry_after": self.wait_seconds}
        facts = _Facts({**_PLAIN, **_tools(context), **context, **asked, **self.facts})
        parts = [self.says.format_map(facts)]
        if self.message:
            parts.append(f'The API says: "{self.message}".')
        if self.more:
            parts.append(self.more)
        parts.append(self.advice.format_map(facts))
        if name := self.correlation_id or correlation_id:
            parts.append(f"Correlation id: {name}.")
        return " ".join(parts)

    def with_facts(self, **facts: object) -> Self:
        """The same error with more facts, which do not replace its own."""
        return self._with(facts={**facts, **self.facts})

    def with_more(self, sentence: str) -> Self:
        """The same error with one more sentence."""
        return self._with(more=f"{self.more} {sentence}" if self.more else sentence)

    def _with(self, **changes: Any) -> Self:
        parts: dict[str, Any] = {
            "correlation_id": self.correlation_id,
            "facts": self.facts,
            "wait_seconds": self.wait_seconds,
            "details": self.details,
            "more": self.more,
        }
        return type(self)(self.message, **{**parts, **changes})


_PLAIN: Mapping[str, object] = {
    "word": "item",
    "words": "items",
    "reads": "read",
    "lists": "search",
    "patches": "edit_text or batch",
    "reads_deleted": "A batch with the op restore brings it back",
    "actual": "its present version",
    "instead": "exactly what is stored, long enough to be there once",
    "consequence": "a change may have been made",
    "retry_after": DEFAULT_WAIT_SECONDS,
    "scope": "for it",
}
"""Facts where nobody gave better ones."""


def _tools(words: Mapping[str, object]) -> Mapping[str, object]:
    """The tools for the entity that `words` name. Where they name none, those for items of all kinds stay."""
    if "kind" not in words:
        return NO_FACTS
    kind, plural = words["kind"], words["plural"]
    return {
        "reads": f"get_{kind}",
        "lists": f"list_{plural}",
        "patches": f"patch_{kind}",
        "reads_deleted": f"get_{kind} with include_deleted still reads it; it can no longer be changed",
    }


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return "?"


# Before anything is sent


class InvalidArguments(ToolBridgeError):
    """`problems` are sentences."""

    says = "The arguments do not fit: {problems}"
    advice = "Correct them and call again."


class ScopeMissing(ToolBridgeError):
    """`scope` is what the caller's token lacks."""

    says = "The user's sign-in does not allow this: its token has no scope {scope}. Nothing was done."
    advice = "Ask the user to sign in again and to allow it."


class Busy(ToolBridgeError):
    """`whose` says whose calls are as many as the gateway takes."""

    says = "{whose} as many calls at work as the gateway takes; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call, with fewer others beside it."


class Stopping(ToolBridgeError):
    says = "The gateway is about to restart; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call."


class CannotFilter(ToolBridgeError):
    """The API would ignore the filter and return everything, and the gateway does not know it."""

    says = "This API cannot filter lists by this."
    advice = "List the {words} without it and pick from the pages."


class CannotSort(ToolBridgeError):
    """The API lists the oldest first. `most` is how many items the gateway reads through."""

    says = "This API lists the oldest {words} first, and the user has more than {most} to read through."
    advice = "Narrow the list with updated_since, or list without order."


# The API or the token service is not there


class Unavailable(ToolBridgeError):
    says = "The API is not available at the moment; nothing was done."
    advice = "Wait {retry_after} seconds, then repeat the call."


class NotReached(Unavailable):
    """No connection to the API could be opened."""


class CircuitOpen(Unavailable):
    """The API has not answered for a while, so the call was not sent."""


class TokenServiceUnavailable(Unavailable):
    says = "The token service is not available at the moment; nothing was done."


# The call is not let through


class SignInRequired(ToolBridgeError):
    says = "The API did not accept the user's sign-in."
    advice = "Ask the user to sign in again or to renew the token, then repeat the call."


class TokenServiceRefused(SignInRequired):
    """The token service did not exchange the caller's token."""

    says = "The token service did not accept the user's sign-in; nothing was done."


class TokenServiceMisconfigured(ToolBridgeError):
    """The token service did not accept the gateway itself, or its answer is no token."""

    says = "The token service does not give this gateway a token for the API; nothing was done."
    advice = "Only the operator can fix this; tell the user and name the correlation id."


class IssuedTokenRefused(ToolBridgeError):
    says = "The API does not accept the token that the token service issued; nothing was done."
    advice = "Only the operator can fix this; tell the user and name the correlation id."


class TenantRefused(ToolBridgeError):
    """The API does not accept the tenant's id or signature. Another token of the user would not help."""

    says = "The API does not accept this gateway: tenant, secret or clock disagree. Nothing was done."
    advice = "Only the operator can fix this; tell the user and name the correlation id."


class ScopeRefused(ToolBridgeError):
    """The API demands a scope that the token lacks, though the gateway let the call through."""

    says = "The API does not allow this: the user's token has no scope {scope}. Nothing was done."
    advice = (
        "Ask the user to sign in again and to allow it. If that does not help, do not repeat it: only the "
        "operator can fix it; tell the user and name the correlation id."
    )


class Forbidden(ToolBridgeError):
    says = "The user may not do this."
    advice = "Do not repeat it; ask the user for other access."


class ReadOnly(Forbidden):
    """The API serves a deployment in which nobody may write, though the gateway offered it."""

    says = "This deployment is read-only: nobody can write. Nothing was changed."
    advice = "Do not repeat it, and do not ask the user to sign in again. Tell the user; reading works."


class SessionRefused(ToolBridgeError):
    """The API refused a session opened a moment ago, twice."""

    says = "The API did not accept a fresh sync session."
    advice = "Repeat the call in a few seconds."


class RateLimited(ToolBridgeError):
    says = "The user has made too many calls."
    advice = "Wait {retry_after} seconds, then repeat the call."


class NoSuchOperation(ToolBridgeError):
    """The API has no such route: it is older than the gateway, or another program."""

    says = "This API has no such operation; nothing was done."
    advice = "Do not repeat it: only the operator can fix this. Tell the user and name the correlation id."


class FeatureMissing(NoSuchOperation):
    """The API is older than a tool. The tool is not listed; a client may know of it from before."""

    says = (
        "The API behind this server is older: it has no {features}, which this tool needs. Nothing was done."
    )
    advice = "Do not repeat it: do it with the other tools."


# The API examined the request


class Rejected(ToolBridgeError):
    """The API examined the request and wrote nothing. To a repeated write this says what became of it."""


class InvalidRequest(Rejected):
    says = "The API did not accept the request; nothing was changed."
    advice = "Correct what the message names and call again."


class NotFound(Rejected):
    says = "The user has no {word} with this uid."
    advice = "Check the uid; {lists} shows those there are."


class ChangeNotFound(NotFound):
    says = "The user's journal has no such change; nothing was done."
    advice = "The tool changes shows those there are, with their ids."


class NotKept(NotFound):
    """The contents that are needed to bring something back are too old, or never were."""

    says = "The contents that this needs are not kept; nothing was written."
    advice = "Repeat it only with a version that is kept; otherwise tell the user."


class NothingRead(NotFound):
    """None of the items has been found. `problems` are sentences."""

    says = "Nothing was read. {problems}"
    advice = "Call again with names that lead to one item each."


class Deleted(Rejected):
    says = "This {word} has been deleted."
    advice = "{reads_deleted}."


class VersionMismatch(Rejected):
    says = "The {word} has changed since that version; nothing was written."
    advice = "If the change still fits, repeat it with if_match={actual}; {reads} reads the item whole."


class AlreadyExists(Rejected):
    says = "A {word} with this uid already exists; nothing was written."
    advice = "Leave the uid out to get a new one, or change the existing one with {patches}."


class ParentNotFound(Rejected):
    says = "The item that the {word} shall belong to does not exist; nothing was written."
    advice = "Look up an existing one and give all of its parent fields again."


class EpochChanged(Rejected):
    """All data of the user was wiped between the session's start and the request."""

    says = "The user's data was wiped in the meantime; nothing was written."
    advice = "Read what there is now before writing again."


class TooLarge(Rejected):
    says = "The content is larger than the API takes; nothing was written."
    advice = "Send less, for example split it into several {words}."


class QuotaExceeded(Rejected):
    says = "The user has as much as one user may have; nothing was written."
    advice = "Tell the user. Delete or shorten what the user no longer needs, then repeat the call."


class DiskFull(Rejected):
    says = "The disk of the service is full; nothing was written."
    advice = "Do not repeat the call. Tell the user that the operator has to make room."


class Conflict(Rejected):
    says = "The request does not fit the present state of the {word}; nothing was written."
    advice = "Read it again with {reads} before repeating."


class Ambiguous(Conflict):
    says = "This is the id or title of several items; nothing was done."
    advice = "Repeat it with the id of the one that is meant."


class EditMismatch(Conflict):
    says = "The text is not as the edit expects; nothing was written."
    """`instead` is what can be sent."""

    advice = "Repeat it with {instead}; {reads} shows it whole."


class TooManyMatches(Conflict):
    says = "More items match than the operation may change; nothing was written."
    advice = "Narrow the filter, or raise at_most if all of them are meant."


class UndoConflict(Conflict):
    says = "Later writes are in the way; nothing was undone."
    advice = (
        "Undo those first, or set the fields to what they should be. Of a batch, the other changes can be "
        "undone singly: changes shows their ids."
    )


# No answer, or none that can be used


class TimedOut(ToolBridgeError):
    says = "The API did not answer within {waited} seconds; nothing was changed."
    advice = "Repeat the call once, a list with a smaller limit; if that fails too, tell the user."


class OutcomeUnknown(ToolBridgeError):
    """A write was sent and no answer came: it may or may not have been done."""

    says = "The connection broke before the API answered: the change may or may not have been made."
    advice = "Look with {reads} or {lists} before repeating it."


class TimedOutWrite(OutcomeUnknown):
    says = "The API did not answer within {waited} seconds: the change may or may not have been made."


class ApiFailed(ToolBridgeError):
    says = "The API failed while working on the call."
    advice = (
        "Check the arguments, then read what is stored before repeating a write; "
        "if it fails again, tell the user and name the correlation id."
    )


class BadAnswer(ToolBridgeError):
    """The answer is not what the contract says. `consequence` says whether something may have changed."""

    says = "The API's answer could not be understood; {consequence}."
    advice = "Look at what is stored before repeating a write; tell the user and name the correlation id."


class AnswerTooLong(BadAnswer):
    """The answer is longer than any of the API's own can be. `limit` is in bytes."""

    says = "The API's answer is longer than {limit} bytes and was not read; {consequence}."
    advice = "List with a smaller limit. Look at what is stored before repeating a write, and tell the user."


class AnswerTooLarge(ToolBridgeError):
    """The answer is larger than AI clients take. `size` is in bytes."""

    says = "The answer is too large for an AI client ({size} bytes)."
    advice = "List with a smaller limit; a single item of this size can only be read through the API."


class AnswersUnread(ToolBridgeError):
    """The user's client does not read, and there is no room for another answer."""

    says = "Earlier answers have not been read, and there is no room for this one; nothing was changed."
    advice = "Read the earlier answers first, then repeat the call, with fewer others beside it."


class AnswerDropped(ToolBridgeError):
    """The same for a write, which was carried out."""

    says = "The change was made. The answer is not shown, since earlier answers have not been read."
    advice = "Do not repeat the change. Read the earlier answers, then look with {reads} or {lists}."
