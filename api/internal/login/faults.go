package login

import (
	"time"

	"toolbridge/api/internal/fault"
)

// Wait is the cause of a refusal that ends by itself.
type Wait struct{ For time.Duration }

// Error is the cause, for the log.
func (w *Wait) Error() string { return "wait for " + w.For.String() }

// refused is the answer to every sign-in that fails, whatever the reason.
func refused() error {
	return fault.New(fault.SignInRefused, "The name or the password is not right.")
}

// unknown says that something is not there any more, or never was.
func unknown(what string) *fault.Error {
	return fault.New(fault.LoginUnknown, "no such %s, or it was used, has expired or has ended", what)
}

// tooOften is the answer to an attempt that must wait.
func tooOften(wait time.Duration) error {
	return fault.New(fault.RateLimited, "There were too many attempts. Please wait, then try again.").Because(&Wait{wait})
}
