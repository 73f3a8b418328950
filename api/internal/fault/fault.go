// Package fault holds the one error type that may reach a client, and its codes.
package fault

import "fmt"

// Code is the stable, machine-readable name of a kind of failure.
type Code string

// The codes a client can meet. Texts may be reworded; codes are never renamed.
const (
	Unauthorized          Code = "unauthorized"
	InvalidTenant         Code = "invalid_tenant"
	SessionRequired       Code = "session_required"
	SessionInvalid        Code = "session_invalid"
	SessionForbidden      Code = "session_forbidden"
	SessionNotFound       Code = "session_not_found"
	EpochMismatch         Code = "epoch_mismatch"
	InvalidUID            Code = "invalid_uid"
	InvalidJSON           Code = "invalid_json"
	InvalidAction         Code = "invalid_action"
	InvalidIdempotencyKey Code = "invalid_idempotency_key"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	InvalidIfMatch        Code = "invalid_if_match"
	InvalidTimeout        Code = "invalid_timeout"
	InvalidCursor         Code = "invalid_cursor"
	InvalidLimit          Code = "invalid_limit"
	InvalidFilter         Code = "invalid_filter"
	InvalidQuery          Code = "invalid_query"
	InvalidField          Code = "invalid_field"
	ParentNotFound        Code = "parent_not_found"
	UIDExists             Code = "uid_exists"
	NotFound              Code = "not_found"
	Deleted               Code = "deleted"
	VersionMismatch       Code = "version_mismatch"
	BatchTooLarge         Code = "batch_too_large"
	RateLimited           Code = "rate_limited"
	BodyTooLarge          Code = "body_too_large"
	RequestTimeout        Code = "request_timeout"
	RouteNotFound         Code = "route_not_found"
	MethodNotAllowed      Code = "method_not_allowed"
	ConfirmationRequired  Code = "confirmation_required"
	Internal              Code = "internal"
	Unavailable           Code = "unavailable"
	OutcomeUnknown        Code = "outcome_unknown"
	DeadlineExceeded      Code = "deadline_exceeded"
)

// Facts are named values told to the client beside the sentence.
type Facts map[string]any

// Error is a failure a client is told about: Message is a sentence for people,
// Code is for programs. Details go under "details", Top beside "error".
type Error struct {
	Code    Code
	Message string
	Details Facts
	Top     Facts
	cause   error
}

// New returns an Error with a formatted sentence.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WrongEpoch returns the refusal of a client that has not noticed a wipe.
func WrongEpoch(current int64) *Error {
	return New(EpochMismatch, "epoch_mismatch").WithTop(Facts{"epoch": current})
}

// With returns the error with details added.
func (e *Error) With(details Facts) *Error {
	e.Details = details
	return e
}

// WithTop returns the error with facts the contract puts at the top level.
func (e *Error) WithTop(top Facts) *Error {
	e.Top = top
	return e
}

// Because returns the error with its cause, which is logged and never sent.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error gives the sentence and, for the log, the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }
