package fault

import "net/http"

// Code is the stable, machine-readable name of a kind of failure.
type Code string

// Description is what the API promises about a code: the status it is sent with,
// and what has happened.
type Description struct {
	Status  int
	Meaning string
}

// Codes describes every code that a client can meet. It is not changed once the
// program has started.
var Codes = map[Code]Description{}

// newCode is one row of Codes. Each code has one, so none lacks a status or a
// meaning.
func newCode(name string, status int, meaning string) Code {
	Codes[Code(name)] = Description{status, meaning}
	return Code(name)
}

// The codes. A meaning may be reworded; a code is never renamed.
var (
	Unauthorized          = newCode("unauthorized", http.StatusUnauthorized, "There is no bearer token, or it is not valid.")
	InvalidTenant         = newCode("invalid_tenant", http.StatusUnauthorized, "The tenant headers do not prove the tenant of this API.")
	InsufficientScope     = newCode("insufficient_scope", http.StatusForbidden, "The token is valid and does not allow this; details name the scope that it lacks.")
	ReadOnly              = newCode("read_only", http.StatusForbidden, "The deployment is read-only, so nothing can be written, whoever asks.")
	SessionRequired       = newCode("session_required", http.StatusPreconditionRequired, "The request names no session.")
	SessionInvalid        = newCode("session_invalid", http.StatusPreconditionRequired, "The session is unknown, ended or expired.")
	SessionForbidden      = newCode("session_forbidden", http.StatusForbidden, "The session is another user's.")
	SessionNotFound       = newCode("session_not_found", http.StatusNotFound, "There is no such session any more.")
	EpochMismatch         = newCode("epoch_mismatch", http.StatusConflict, "The user's data was wiped since the epoch that the request names.")
	InvalidUID            = newCode("invalid_uid", http.StatusBadRequest, "The uid in the path is neither a UUID nor the beginning of one.")
	AmbiguousUID          = newCode("ambiguous_uid", http.StatusConflict, "Several items have uids that begin so, or the title; details name some.")
	InvalidJSON           = newCode("invalid_json", http.StatusBadRequest, "The body is not the JSON that is expected.")
	InvalidAction         = newCode("invalid_action", http.StatusBadRequest, "The entity has no such action.")
	InvalidIdempotencyKey = newCode("invalid_idempotency_key", http.StatusBadRequest, "Idempotency-Key is not one of 1 to 255 visible ASCII characters.")
	IdempotencyKeyReused  = newCode("idempotency_key_reused", http.StatusUnprocessableEntity, "Another request had this Idempotency-Key.")
	InvalidIfMatch        = newCode("invalid_if_match", http.StatusBadRequest, "If-Match is not one version number, or the route may write several items.")
	InvalidTimeout        = newCode("invalid_timeout", http.StatusBadRequest, "X-Request-Timeout-Ms is not one whole number from 1 to 600000.")
	InvalidCursor         = newCode("invalid_cursor", http.StatusBadRequest, "The cursor is not one that this list gave out.")
	InvalidLimit          = newCode("invalid_limit", http.StatusBadRequest, "A bound of the page is not one whole number from 1.")
	InvalidFilter         = newCode("invalid_filter", http.StatusBadRequest, "A filter of the list is not one of those that the entity has.")
	InvalidSearch         = newCode("invalid_search", http.StatusBadRequest, "The query of a search is missing, or too long; details name the bounds.")
	InvalidQuery          = newCode("invalid_query", http.StatusBadRequest, "The query string cannot be read, or has a parameter that is unknown here or wrong.")
	InvalidField          = newCode("invalid_field", http.StatusUnprocessableEntity, "A field of the payload is missing or wrong; details name it.")
	ParentNotFound        = newCode("parent_not_found", http.StatusConflict, "The parent does not exist, or is deleted.")
	InvalidOperation      = newCode("invalid_operation", http.StatusBadRequest, "An operation of the batch is not one that there is, or a part of it is missing or wrong; details name it.")
	TooManyMatches        = newCode("too_many_matches", http.StatusConflict, "More items match than the operation may change; details say how many.")
	UIDExists             = newCode("uid_exists", http.StatusConflict, "There is an item with this uid already.")
	EditMismatch          = newCode("edit_mismatch", http.StatusConflict, "The text is not what the edit expects; details say where it comes nearest.")
	NotFound              = newCode("not_found", http.StatusNotFound, "There is no such item.")
	Deleted               = newCode("deleted", http.StatusGone, "The item is deleted.")
	VersionMismatch       = newCode("version_mismatch", http.StatusPreconditionFailed, "The item has another version than If-Match demands.")
	VersionNotKept        = newCode("version_not_kept", http.StatusGone, "The content of that version is not kept, or never was; details name the versions that are kept.")
	ChangeNotFound        = newCode("change_not_found", http.StatusNotFound, "The user's journal has no such change.")
	ChangeNotKept         = newCode("change_not_kept", http.StatusGone, "The contents that are needed to undo the change are not kept any more.")
	NotUndoable           = newCode("not_undoable", http.StatusConflict, "The line of the journal is about no item, so it cannot be undone.")
	UndoConflict          = newCode("undo_conflict", http.StatusConflict, "A later write is in the way; details name both versions and the fields.")
	BatchTooLarge         = newCode("batch_too_large", http.StatusRequestEntityTooLarge, "The push, batch or undo has more items, operations or bytes than one may have.")
	QuotaExceeded         = newCode("quota_exceeded", http.StatusInsufficientStorage, "The user has as many items, or bytes, as one user may have; details name the limit.")
	DiskFull              = newCode("disk_full", http.StatusInsufficientStorage, "The disk of the database is full, and nothing was written; the sentence says what still works.")
	RateLimited           = newCode("rate_limited", http.StatusTooManyRequests, "The user asks too often; Retry-After says when to go on.")
	BodyTooLarge          = newCode("body_too_large", http.StatusRequestEntityTooLarge, "The body, or the item it would make, is too large.")
	RequestTimeout        = newCode("request_timeout", http.StatusRequestTimeout, "The body did not arrive in time.")
	RouteNotFound         = newCode("route_not_found", http.StatusNotFound, "There is no such path.")
	MethodNotAllowed      = newCode("method_not_allowed", http.StatusMethodNotAllowed, "The path has no such method; Allow names those it has.")
	ConfirmationRequired  = newCode("confirmation_required", http.StatusBadRequest, "A wipe needs the word that confirms it.")
	SignInRefused         = newCode("sign_in_refused", http.StatusForbidden, "The name or the password is wrong, or the account has no password yet or is disabled; which of them is not told.")
	LoginUnknown          = newCode("login_unknown", http.StatusNotFound, "There is no such session, link, code, token, connection, account or service, or it was used, has expired or has ended.")
	LoginExists           = newCode("login_exists", http.StatusConflict, "There is an account or a service with this name or subject already.")
	LoginFull             = newCode("login_full", http.StatusConflict, "There are as many accounts or services as there may be.")
	WeakPassword          = newCode("weak_password", http.StatusBadRequest, "The new password is too short, too long or too simple; the sentence says which.")
	Internal              = newCode("internal", http.StatusInternalServerError, "Something failed that should not have; the log says more under the correlation id.")
	Unavailable           = newCode("unavailable", http.StatusServiceUnavailable, "The API cannot do it for now, and nothing was done; Retry-After says when to ask again.")
	OutcomeUnknown        = newCode("outcome_unknown", http.StatusServiceUnavailable, "The store was lost during a write, which may or may not have been made.")
	DeadlineExceeded      = newCode("deadline_exceeded", http.StatusGatewayTimeout, "The time that the caller said it would wait was up, and nothing was written.")
)
