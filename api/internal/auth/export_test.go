package auth

import "sync/atomic"

// MaxRemembered is how many tokens are remembered at most.
const MaxRemembered = 2 * maxRemembered

// CountVerified counts the signatures that are verified from now on.
func (t *Tokens) CountVerified() *atomic.Int64 {
	var count atomic.Int64
	verifier := t.verifier
	t.verifier = func(algorithm string, id *string, signed signedWith) error {
		count.Add(1)
		return verifier(algorithm, id, signed)
	}
	return &count
}
