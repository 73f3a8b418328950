package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// maxSubject bounds `sub`, in bytes.
const maxSubject = 255

// Tokens checks bearer tokens signed with HS256 and one shared secret. Only that
// algorithm counts, whatever the token's header names, and `exp` is demanded.
type Tokens struct {
	parser *jwt.Parser
	secret []byte
}

// NewTokens returns a checker. An empty issuer or audience is not checked.
func NewTokens(secret, issuer, audience string, now func() time.Time) *Tokens {
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now),
	}
	if issuer != "" {
		options = append(options, jwt.WithIssuer(issuer))
	}
	if audience != "" {
		options = append(options, jwt.WithAudience(audience))
	}
	return &Tokens{parser: jwt.NewParser(options...), secret: []byte(secret)}
}

// Subject gives the `sub` of the token in the one Authorization header. Every
// failure is the same unauthorized fault to the client.
func (t *Tokens) Subject(header http.Header) (string, error) {
	authorization, one := single(header, "Authorization")
	token, found := strings.CutPrefix(authorization, "Bearer ")
	if !one || !found {
		return "", unauthorized(errors.New("not one bearer token"))
	}
	// A map, because a struct would take "SUB" for "sub" where others do not.
	claims := jwt.MapClaims{}
	key := func(*jwt.Token) (any, error) { return t.secret, nil }
	if _, err := t.parser.ParseWithClaims(token, claims, key); err != nil {
		return "", unauthorized(err)
	}
	subject, _ := claims["sub"].(string)
	if !usableSubject(subject) {
		return "", unauthorized(errors.New("sub is missing or unusable"))
	}
	return subject, nil
}

// usableSubject refuses what could make two users look like one: NUL, and the
// replacement character that a JSON decoder leaves where the text was broken.
func usableSubject(subject string) bool {
	return subject != "" && len(subject) <= maxSubject &&
		!strings.ContainsRune(subject, 0) && !strings.ContainsRune(subject, utf8.RuneError)
}
