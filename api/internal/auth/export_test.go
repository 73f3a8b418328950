package auth

import (
	"sync/atomic"

	"toolbridge/api/internal/keyring"
)

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

// SignedByOne is signedByOne.
func SignedByOne(keys []keyring.Key, id *string, signed func(key any) error) error {
	return signedByOne(keys, id, signed)
}
