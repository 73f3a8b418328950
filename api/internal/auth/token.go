// Package auth proves who is calling: the user by a JWT, the tenant by signed
// headers.
package auth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
)

// Bounds, in bytes.
const (
	maxToken   = 16 << 10
	maxSubject = 255
)

// headerDebug names the user of a request in development mode.
const headerDebug = "X-Debug-Sub"

// Tokens checks bearer tokens, either by shared secrets or by the public keys of an
// identity provider. The gateway decides the same on every token: both read
// testdata/tokens.json in their tests.
type Tokens struct {
	algorithms []string
	verifier   func(algorithm string, id *string, signed signedWith) error
	keys       func() any // a pointer to the current ones, which is another one when they are
	ready      func() error
	state      func() (keys int, read time.Time)
	demands    Demands
	audiences  []string // of the demands
	now        func() time.Time
	login      *Login // nil where there is no embedded authorization server
	remembered remembered
}

// Demands are what a token must say beside its user and its time, and how it says what it
// allows. An empty issuer, audience or tenant claim is not checked.
type Demands struct {
	Issuer      string
	Audience    string // see Words; a token needs one of several
	TenantClaim string // the claim that must name Tenant, alone or among others
	Tenant      string
	Scopes      Scopes
}

// Identity is what a token proves: who sends it, and what it allows.
type Identity struct {
	Subject string
	Rights  Rights
}

// signedWith returns an error unless a token was signed with the key.
type signedWith func(key any) error

// NewTokens returns a checker of HS256 tokens signed with a key of the ring. It
// accepts no other algorithm, whatever the token's header names.
func NewTokens(ring *keyring.Ring, demands Demands, now func() time.Time) *Tokens {
	return &Tokens{
		algorithms: []string{jwt.SigningMethodHS256.Alg()},
		verifier:   func(_ string, id *string, signed signedWith) error { return signedByOne(*ring.Keys(), id, signed) },
		keys:       func() any { return ring.Keys() },
		ready:      func() error { return nil },
		state:      func() (int, time.Time) { return len(*ring.Keys()), time.Time{} },
		demands:    demands,
		audiences:  Words(demands.Audience),
		now:        now,
	}
}

// NewPublicTokens returns a checker of tokens that a key of the set signed, with
// the algorithm of that key.
func NewPublicTokens(keys *KeySet, demands Demands, now func() time.Time) *Tokens {
	return &Tokens{
		algorithms: publicAlgorithms,
		verifier:   keys.verify,
		keys:       func() any { return keys.keys.Load() },
		ready:      keys.ready,
		state:      keys.state,
		demands:    demands,
		audiences:  Words(demands.Audience),
		now:        now,
	}
}

// NewLoginTokens returns a checker of tokens of the embedded authorization server, and of
// HS256 tokens signed with a key of the ring, which may be nil. A token's algorithm chooses
// which keys may verify it.
func NewLoginTokens(login *Login, ring *keyring.Ring, demands Demands, now func() time.Time) *Tokens {
	tokens := &Tokens{
		keys:      func() any { return nil },
		ready:     func() error { return nil },
		state:     func() (int, time.Time) { return 0, time.Time{} },
		demands:   demands,
		audiences: Words(demands.Audience),
		now:       now,
	}
	if ring != nil {
		tokens = NewTokens(ring, demands, now)
	}
	tokens.login = login
	return tokens
}

// Words splits a setting that is a list separated by spaces or commas.
func Words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// Ready returns an error while no token can be checked, because no usable key of the
// identity provider was ever read.
func (t *Tokens) Ready() error { return errors.Join(t.ready(), t.login.ready()) }

// Keys is how many keys verify tokens, and when they were read from the identity
// provider; zero when they were not, as a shared secret is not.
func (t *Tokens) Keys() (count int, read time.Time) {
	count, read = t.state()
	if keys := t.login.current(); keys != nil {
		count += len(*keys)
	}
	return count, read
}

// Remembered is how many tokens need not be verified again.
func (t *Tokens) Remembered() int { return t.remembered.size() }

// Scopes are the names of what tokens may allow.
func (t *Tokens) Scopes() Scopes { return t.demands.Scopes }

// Identify returns what the token in the only Authorization header proves. The client
// gets the same unauthorized fault for every bad token, and unavailable when no token can
// be checked for now.
func (t *Tokens) Identify(header http.Header) (Identity, error) {
	authorization, one := single(header, "Authorization")
	token, found := strings.CutPrefix(authorization, "Bearer ")
	if !one || !found {
		return Identity{}, unauthorized(errors.New("not one bearer token"))
	}
	identity, err := t.verify(token)
	if errors.Is(err, errNoKeys) {
		return Identity{}, fault.New(fault.Unavailable, "tokens cannot be checked for now; try again").Because(err)
	}
	if err != nil {
		return Identity{}, unauthorized(err)
	}
	return identity, nil
}

// verify returns what a token proves that is valid.
func (t *Tokens) verify(text string) (Identity, error) {
	if len(text) > maxToken {
		return Identity{}, errors.New("the token is too long")
	}
	hash, keys := hashOf(text), t.keys()
	if known, found := t.remembered.find(hash); found && known.isOf(keys, t.login) {
		return known.identity, t.checkKnown(known)
	}
	token, err := parseJWS(text)
	if err != nil {
		return Identity{}, err
	}
	signedBy, err := t.checkSignature(token)
	if err != nil {
		return Identity{}, err
	}
	fresh, err := t.claimsOf(token.payload, signedBy)
	if err != nil {
		return Identity{}, err
	}
	fresh.keys = keys // as they were before: the check may have fetched others, and not used them
	t.remembered.add(hash, fresh)
	return fresh.identity, nil
}

// checkKnown refuses a token that was accepted before and is not valid any more.
func (t *Tokens) checkKnown(known accepted) error {
	if known.issued != nil {
		if err := t.login.check(known.issued); err != nil {
			return err
		}
	}
	return known.valid.check(t.now())
}

// checkSignature refuses a token that no key of ours has signed. It returns the keys of the
// embedded authorization server, if one of them did.
func (t *Tokens) checkSignature(token jws) (signedBy *LoginKeys, err error) {
	algorithm, id, err := token.signer()
	if err != nil {
		return nil, err
	}
	if t.login != nil && algorithm == loginAlgorithm {
		return t.login.verify(token, id)
	}
	if !slices.Contains(t.algorithms, algorithm) {
		return nil, errors.New("the token's algorithm is not accepted")
	}
	method := jwt.GetSigningMethod(algorithm)
	return nil, t.verifier(algorithm, id, func(key any) error { return method.Verify(token.signed, token.signature, key) })
}

// signedByOne returns an error unless one of the keys signed a token. The one that the
// token names is tried first. An issuer that knows only the secret may name another, or
// none.
func signedByOne(keys []keyring.Key, id *string, signed signedWith) (err error) {
	named := slices.IndexFunc(keys, func(key keyring.Key) bool { return id != nil && key.ID == *id })
	if named >= 0 && signed(keys[named].Secret) == nil {
		return nil
	}
	for _, key := range keys {
		if err = signed(key.Secret); err == nil {
			return nil
		}
	}
	return err
}

// claimsOf reads claims whose signature was verified, and refuses those that are not valid here
// and now. SignedBy is as checkSignature returned it.
func (t *Tokens) claimsOf(payload []byte, signedBy *LoginKeys) (accepted, error) {
	claims, err := parseMembers(payload)
	if err != nil {
		return accepted{}, err
	}
	valid, err := periodOf(claims)
	if err != nil {
		return accepted{}, err
	}
	if err := valid.check(t.now()); err != nil {
		return accepted{}, err
	}
	subject, _ := claims.text("sub")
	if !usableSubject(subject) {
		return accepted{}, errors.New("sub is missing or unusable")
	}
	if signedBy != nil {
		return t.ownClaims(claims, subject, valid, signedBy)
	}
	if err := t.demanded(claims); err != nil {
		return accepted{}, err
	}
	return accepted{identity: Identity{subject, t.demands.Scopes.granted(claims)}, valid: valid}, nil
}

// demanded refuses what is another issuer's, or for another audience or tenant.
func (t *Tokens) demanded(claims members) error {
	if issuer, _ := claims.text("iss"); t.demands.Issuer != "" && issuer != t.demands.Issuer {
		return errors.New("the token is another issuer's")
	}
	if len(t.audiences) > 0 && !meantForOneOf(claims, t.audiences) {
		return errors.New("the token is meant for another audience")
	}
	if t.demands.TenantClaim != "" && !names(claims, t.demands.TenantClaim, t.demands.Tenant) {
		return errors.New("the token is another tenant's")
	}
	return nil
}

// ownClaims reads what the embedded authorization server has signed. Its keys are this tenant's
// alone, and the gateway knows by which addresses it is called, so issuer, audience and tenant
// are not compared with anything here. What names no scope allows nothing.
func (t *Tokens) ownClaims(claims members, subject string, valid period, signedBy *LoginKeys) (accepted, error) {
	token, err := issuedOf(claims, subject)
	if err != nil {
		return accepted{}, err
	}
	scopes := t.demands.Scopes
	scopes.Required = true
	found := accepted{identity: Identity{subject, scopes.granted(claims)}, valid: valid, signedBy: signedBy, issued: token}
	return found, t.login.check(token)
}

// DebugSubject returns the user that a request without an Authorization header
// names itself. It is for development mode only.
func DebugSubject(header http.Header) (subject string, named bool) {
	if len(header["Authorization"]) > 0 {
		return "", false
	}
	subject, one := single(header, headerDebug)
	return subject, one && usableSubject(subject)
}

// usableSubject refuses characters that could make two users look the same: NUL,
// and the replacement character that a JSON decoder puts in place of broken text.
func usableSubject(subject string) bool {
	return subject != "" && len(subject) <= maxSubject &&
		!strings.ContainsRune(subject, 0) && !strings.ContainsRune(subject, utf8.RuneError)
}

func unauthorized(cause error) error {
	return fault.New(fault.Unauthorized, "unauthorized").Because(cause)
}
