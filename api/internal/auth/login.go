package auth

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"
)

// loginAlgorithm is that of the tokens of the embedded authorization server, and of no others
// where there is one.
var loginAlgorithm = jwt.SigningMethodES256.Alg()

// errNoLoginKeys means that the keys of the embedded authorization server were never read.
var errNoLoginKeys = fmt.Errorf("%w: nor one of the embedded authorization server", errNoKeys)

// Login is what verifies tokens of the embedded authorization server: its public keys, and
// which tokens were revoked. The zero value knows no key.
type Login struct {
	// Unknown, if set, is called when a token names a key that is not known, and reads the keys
	// anew if that was not done too often. It must be set before the first token is checked.
	Unknown func()

	keys    atomic.Pointer[LoginKeys]
	revoked atomic.Pointer[Revoked]
}

// LoginKeys are public keys by their ids.
type LoginKeys map[string]*ecdsa.PublicKey

// Revoked is which tokens are refused although their signature is right.
type Revoked struct {
	Sessions map[string]bool  // those with this `sid`
	Subjects map[string]int64 // those with this `sub` that were issued in this second or before
}

// UseKeys takes other keys. Tokens that the former ones have verified are verified again.
func (l *Login) UseKeys(keys LoginKeys) { l.keys.Store(&keys) }

// Revoke takes another list of what was revoked, which counts for the next token.
func (l *Login) Revoke(revoked Revoked) { l.revoked.Store(&revoked) }

// current is the keys that are known; nil where there is no such server, or none was read.
func (l *Login) current() *LoginKeys {
	if l == nil {
		return nil
	}
	return l.keys.Load()
}

// ready returns an error while no key was read.
func (l *Login) ready() error {
	if l != nil && l.keys.Load() == nil {
		return errNoLoginKeys
	}
	return nil
}

// issued is what a token of the embedded authorization server says about itself.
type issued struct {
	session, subject string
	at               float64 // in seconds of Unix time
}

// check refuses a token that was revoked.
func (l *Login) check(token *issued) error {
	revoked := l.revoked.Load()
	if revoked == nil {
		return nil
	}
	before, named := revoked.Subjects[token.subject]
	if revoked.Sessions[token.session] || named && token.at <= float64(before) {
		return errors.New("the token was revoked")
	}
	return nil
}

// verify refuses a token that none of the keys signed. Such a token names its key, and is
// typed as an access token (RFC 9068, section 2.1), so that no other text that these keys
// may sign passes for one.
func (l *Login) verify(token jws, id *string) (signedBy *LoginKeys, err error) {
	if kind, _ := token.header.text("typ"); !isTypedAccessToken(kind) {
		return nil, errors.New("the token is not typed as an access token")
	}
	if id == nil {
		return nil, errors.New("the token names no key")
	}
	keys := l.current()
	if keys == nil {
		return nil, errNoLoginKeys
	}
	key := (*keys)[*id]
	if key == nil && l.Unknown != nil {
		l.Unknown()
		keys = l.current()
		key = (*keys)[*id]
	}
	if key == nil {
		return nil, errors.New("no known key signed the token")
	}
	return keys, jwt.SigningMethodES256.Verify(token.signed, token.signature, key)
}

// isTypedAccessToken reports whether `typ` is that of RFC 9068, in either of its spellings.
func isTypedAccessToken(kind string) bool {
	kind = strings.ToLower(kind)
	return kind == "at+jwt" || kind == "application/at+jwt"
}

// issuedOf reads what a revocation is compared with. A token without it could not be revoked.
func issuedOf(claims members, subject string) (*issued, error) {
	session, _ := claims.text("sid")
	at, err := date(claims, "iat")
	if _, present := claims["iat"]; err != nil || !present || session == "" {
		return nil, errors.New("the token says not when, and for which connection, it was issued")
	}
	return &issued{session, subject, at}, nil
}
