"""What the API's error codes and statuses mean."""

from collections.abc import Mapping
from typing import NamedTuple

from toolbridge_mcp.errors import (
    AlreadyExists,
    Ambiguous,
    ApiFailed,
    BadAnswer,
    ChangeNotFound,
    Conflict,
    Deleted,
    DiskFull,
    EditMismatch,
    EpochChanged,
    Forbidden,
    InvalidRequest,
    NoSuchOperation,
    NotFound,
    NotKept,
    OutcomeUnknown,
    ParentNotFound,
    QuotaExceeded,
    RateLimited,
    ReadOnly,
    ScopeRefused,
    SessionRefused,
    SignInRequired,
    TenantRefused,
    TimedOut,
    TooLarge,
    ToolBridgeError,
    TooManyMatches,
    Unavailable,
    UndoConflict,
    VersionMismatch,
)


class Meaning(NamedTuple):
    """The status that a code comes with, and the situation that it describes."""

    status: int
    error: type[ToolBridgeError]


CODES: Mapping[str, Meaning] = {
    "ambiguous_uid": Meaning(409, Ambiguous),
    "batch_too_large": Meaning(413, TooLarge),
    "body_too_large": Meaning(413, TooLarge),
    "change_not_found": Meaning(404, ChangeNotFound),
    "change_not_kept": Meaning(410, NotKept),
    "confirmation_required": Meaning(400, InvalidRequest),
    "deadline_exceeded": Meaning(504, TimedOut),
    "deleted": Meaning(410, Deleted),
    "disk_full": Meaning(507, DiskFull),
    "edit_mismatch": Meaning(409, EditMismatch),
    "epoch_mismatch": Meaning(409, EpochChanged),
    "idempotency_key_reused": Meaning(422, InvalidRequest),
    "insufficient_scope": Meaning(403, ScopeRefused),
    "internal": Meaning(500, ApiFailed),
    "invalid_action": Meaning(400, InvalidRequest),
    "invalid_cursor": Meaning(400, InvalidRequest),
    "invalid_field": Meaning(422, InvalidRequest),
    "invalid_filter": Meaning(400, InvalidRequest),
    "invalid_idempotency_key": Meaning(400, InvalidRequest),
    "invalid_if_match": Meaning(400, InvalidRequest),
    "invalid_json": Meaning(400, InvalidRequest),
    "invalid_limit": Meaning(400, InvalidRequest),
    "invalid_operation": Meaning(400, InvalidRequest),
    "invalid_query": Meaning(400, InvalidRequest),
    "invalid_search": Meaning(400, InvalidRequest),
    "invalid_tenant": Meaning(401, TenantRefused),
    "invalid_timeout": Meaning(400, InvalidRequest),
    "invalid_uid": Meaning(400, InvalidRequest),
    "login_exists": Meaning(409, AlreadyExists),
    "login_full": Meaning(409, Conflict),
    "login_unknown": Meaning(404, NotFound),
    "method_not_allowed": Meaning(405, NoSuchOperation),
    "not_found": Meaning(404, NotFound),
    "not_undoable": Meaning(409, Conflict),
    "outcome_unknown": Meaning(503, OutcomeUnknown),
    "parent_not_found": Meaning(409, ParentNotFound),
    "quota_exceeded": Meaning(507, QuotaExceeded),
    "rate_limited": Meaning(429, RateLimited),
    "read_only": Meaning(403, ReadOnly),
    "request_timeout": Meaning(408, Unavailable),
    "route_not_found": Meaning(404, NoSuchOperation),
    "session_forbidden": Meaning(403, Forbidden),
    "session_invalid": Meaning(428, SessionRefused),
    "session_not_found": Meaning(404, SessionRefused),
    "session_required": Meaning(428, SessionRefused),
    "sign_in_refused": Meaning(403, Forbidden),
    "too_many_matches": Meaning(409, TooManyMatches),
    "uid_exists": Meaning(409, AlreadyExists),
    "undo_conflict": Meaning(409, UndoConflict),
    "unauthorized": Meaning(401, SignInRequired),
    "unavailable": Meaning(503, Unavailable),
    "version_mismatch": Meaning(412, VersionMismatch),
    "version_not_kept": Meaning(410, NotKept),
    "weak_password": Meaning(400, InvalidRequest),
}
"""Every code of the API. A test compares this table with the API's own."""

STATUSES: Mapping[int, type[ToolBridgeError]] = {
    400: InvalidRequest,
    401: SignInRequired,
    403: Forbidden,
    404: NotFound,
    405: NoSuchOperation,
    408: Unavailable,
    409: Conflict,
    410: Deleted,
    412: VersionMismatch,
    413: TooLarge,
    422: InvalidRequest,
    428: SessionRefused,
    429: RateLimited,
    503: Unavailable,
    507: DiskFull,
}
"""For an answer without a code that is known here. The API of the first generation gives none."""


def meaning_of(status: int, code: str) -> type[ToolBridgeError]:
    """The situation that an HTTP answer describes."""
    if code in CODES:
        return CODES[code].error
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500:
        return ApiFailed
    return InvalidRequest if 400 <= status < 500 else BadAnswer
