// Package fault has the only error type that may reach a client, and its codes.
package fault

import (
	"fmt"
	"maps"
)

// Facts are named values that go to the client beside the sentence.
type Facts map[string]any

// Error is a failure that is reported to the client. Message is a sentence for
// people, Code is for programs. Details go under "details", Top beside "error".
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

// WrongEpoch refuses a client that has not noticed a wipe.
func WrongEpoch(current int64) *Error {
	return New(EpochMismatch, "epoch_mismatch").WithTop(Facts{"epoch": current})
}

// With sets the details and returns the error.
func (e *Error) With(details Facts) *Error {
	e.Details = details
	return e
}

// WithTop sets the facts of the top level and returns the error.
func (e *Error) WithTop(top Facts) *Error {
	e.Top = top
	return e
}

// Within is the same error with words before its sentence and more details, which go
// before its own of the same names.
func (e *Error) Within(words string, more Facts) *Error {
	outer := *e
	outer.Message, outer.Details = words+e.Message, Facts{}
	maps.Copy(outer.Details, e.Details)
	maps.Copy(outer.Details, more)
	return &outer
}

// Because sets the cause, which is logged and never sent, and returns the error.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error is the sentence and, for the log, the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }
