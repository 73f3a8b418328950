package auth

import (
	"crypto/sha256"
	"sync"
)

// maxRemembered bounds the tokens of a generation. Two generations are remembered.
const maxRemembered = 2048

// tokenHash stands for a token, which is not kept in memory.
type tokenHash [sha256.Size]byte

func hashOf(token string) tokenHash {
	const usual = 2048 // bytes, for which nothing is allocated
	return sha256.Sum256(append(make([]byte, 0, usual), token...))
}

// accepted is what was found out about a token whose signature and claims are right.
type accepted struct {
	identity Identity
	valid    period
	keys     any        // at the time: see Tokens.keys
	signedBy *LoginKeys // nil: not by a key of the embedded authorization server
	issued   *issued    // nil in the same case
}

// isOf reports whether the keys that verified a token are still those that count.
func (a accepted) isOf(keys any, login *Login) bool {
	if a.signedBy != nil {
		return a.signedBy == login.current()
	}
	return a.keys == keys
}

// remembered is the tokens that were accepted last, so that the signature of a token is
// verified once. What may be different the next time is checked each time: the clock, and
// which keys there are. A token that was refused is not remembered.
type remembered struct {
	mu           sync.Mutex
	young, older map[tokenHash]accepted
}

// find returns what is known of a token.
func (r *remembered) find(token tokenHash) (known accepted, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, found = r.young[token]; found {
		return known, true
	}
	if known, found = r.older[token]; found {
		r.put(token, known)
	}
	return known, found
}

// add remembers a token, and may forget those that were not used for longest.
func (r *remembered) add(token tokenHash, known accepted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(token, known)
}

// size is how many tokens are known. Some may be in both generations.
func (r *remembered) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.young) + len(r.older)
}

func (r *remembered) put(token tokenHash, known accepted) {
	if r.young == nil || len(r.young) == maxRemembered {
		r.young, r.older = make(map[tokenHash]accepted), r.young
	}
	r.young[token] = known
}
