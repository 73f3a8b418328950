// Package mac computes HMAC-SHA-256 (RFC 2104) of many texts under one key.
package mac

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// Key is a secret, prepared once: that takes several times what a short text takes. It is
// safe for concurrent use.
type Key struct {
	states sync.Pool // of hash.Hash
}

// New prepares a secret.
func New(secret []byte) *Key {
	return &Key{states: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

// Sum returns the HMAC of a text.
func (k *Key) Sum(text []byte) (sum [sha256.Size]byte) {
	state := k.states.Get().(hash.Hash)
	state.Reset()
	state.Write(text)
	state.Sum(sum[:0])
	k.states.Put(state)
	return sum
}
