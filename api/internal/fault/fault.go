// Package fault holds the one error type that may reach a client, and its codes.
package fault

import "fmt"

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
