// Package auth proves who is calling: the user by a JWT, the tenant by signed
// headers.
package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/fault"
)

// maxSubject bounds `sub`, in bytes.
const maxSubject = 255

// headerDebug names the user of a request in development mode.
const headerDebug = "X-Debug-Sub"

// Tokens checks bearer tokens, either by one shared secret or by the public keys
// of an identity provider. A token must have `exp`.
type Tokens struct {
	parser *jwt.Parser
	key    jwt.Keyfunc
}

// NewTokens returns a checker of HS256 tokens signed with a shared secret. It
// accepts no other algorithm, whatever the token's header names. An empty issuer or
// audience is not checked; a token needs one of several audiences.
func NewTokens(secret, issuer, audience string, now func() time.Time) *Tokens {
	key := func(*jwt.Token) (any, error) { return []byte(secret), nil }
	methods := []string{jwt.SigningMethodHS256.Alg()}
	return &Tokens{parser: newParser(methods, issuer, audience, now), key: key}
}

// NewPublicTokens returns a checker of tokens that a key of the set signed, with
// the algorithm of that key.
func NewPublicTokens(keys *KeySet, issuer, audience string, now func() time.Time) *Tokens {
	return &Tokens{parser: newParser(publicAlgorithms, issuer, audience, now), key: keys.verifying}
}

func newParser(methods []string, issuer, audience string, now func() time.Time) *jwt.Parser {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now),
	}
	if issuer != "" {
		options = append(options, jwt.WithIssuer(issuer))
	}
	if audience != "" {
		options = append(options, jwt.WithAudience(Words(audience)...))
	}
	return jwt.NewParser(options...)
}

// Words splits a setting that is a list separated by spaces or commas.
func Words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// Subject returns the `sub` of the token in the only Authorization header. The
// client gets the same unauthorized fault for every bad token, and unavailable when
// no token can be checked for now.
func (t *Tokens) Subject(header http.Header) (string, error) {
	authorization, one := single(header, "Authorization")
	token, found := strings.CutPrefix(authorization, "Bearer ")
	if !one || !found {
		return "", unauthorized(errors.New("not one bearer token"))
	}
	// A map, because encoding/json would accept "SUB" for the "sub" of a struct.
	claims := jwt.MapClaims{}
	_, err := t.parser.ParseWithClaims(token, claims, t.key)
	if errors.Is(err, errNoKeys) {
		return "", fault.New(fault.Unavailable, "tokens cannot be checked for now; try again").Because(err)
	}
	if err != nil {
		return "", unauthorized(err)
	}
	subject, _ := claims["sub"].(string)
	if !usableSubject(subject) {
		return "", unauthorized(errors.New("sub is missing or unusable"))
	}
	return subject, nil
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
