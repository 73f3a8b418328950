package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/fault"
)

// Prefixes of secrets, which say what a secret is for wherever one turns up.
const (
	codePrefix    = "tbc_"
	refreshPrefix = "tbr_"
	servicePrefix = "tbk_"
)

// newSecret is 256 random bits in base64url.
func newSecret(prefix string) string {
	return prefix + base64.RawURLEncoding.EncodeToString(random(32))
}

// hashed is how the store knows a secret.
func hashed(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Wanted is what an access token shall be: the gateway knows by which addresses it is called.
type Wanted struct {
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	Lifetime int64  `json:"lifetime"` // seconds, from 60 to 3600
}

func (w Wanted) check() error {
	if err := checkText("issuer", w.Issuer, 1, maxAddress); err != nil {
		return err
	}
	if err := checkText("audience", w.Audience, 1, maxAddress); err != nil {
		return err
	}
	if life := time.Duration(w.Lifetime) * time.Second; life < minLifetime || life > MaxLifetime {
		return invalid("lifetime", "must be %d to %d seconds", int(minLifetime.Seconds()), int(MaxLifetime.Seconds()))
	}
	return nil
}

// Tokens is what a client gets.
type Tokens struct {
	AccessToken  string   `json:"accessToken"`
	RefreshToken string   `json:"refreshToken,omitempty"`
	ExpiresIn    int64    `json:"expiresIn"`
	Scopes       []string `json:"scopes"`
	Subject      string   `json:"subject"`
}

// bearer is for whom an access token is.
type bearer struct {
	subject, client, session string
	scopes                   []string
	issued                   int64 // in seconds of Unix time
}

// sign makes an access token (RFC 9068, section 2).
func (s *Service) sign(to bearer, wanted Wanted) (Tokens, error) {
	known := s.known.state.Load()
	if known == nil {
		return Tokens{}, noKey()
	}
	pair := signing(known.pairs, Millis(s.Now()))
	if pair == nil {
		return Tokens{}, noKey()
	}
	claims := jwt.MapClaims{
		"iss": wanted.Issuer, "aud": wanted.Audience, "sub": to.subject, "client_id": to.client,
		"scope": strings.Join(to.scopes, " "), "iat": to.issued, "exp": to.issued + wanted.Lifetime,
		"jti": base64.RawURLEncoding.EncodeToString(random(16)), "sid": to.session,
	}
	if s.Demands.TenantClaim != "" {
		claims[s.Demands.TenantClaim] = s.Tenant
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"], token.Header["kid"] = "at+jwt", pair.id
	text, err := token.SignedString(pair.private)
	return Tokens{AccessToken: text, ExpiresIn: wanted.Lifetime, Scopes: to.scopes, Subject: to.subject}, err
}

func noKey() error {
	return fault.New(fault.Unavailable, "no signing key is known for now; try again")
}

// Bounds of what a gateway sends, in bytes.
const (
	maxAddress   = 2048 // of an address
	maxClientID  = 8192 // a sealed registration, or the address of a document
	maxName      = 256
	maxChallenge = 128
)

func invalid(field, format string, arguments ...any) error {
	return fault.New(fault.InvalidField, "%s "+format, append([]any{field}, arguments...)...).With(fault.Facts{"field": field})
}

func checkText(field, value string, least, most int) error {
	if len(value) < least || len(value) > most || strings.ContainsRune(value, 0) {
		return invalid(field, "must have %d to %d bytes, and no NUL", least, most)
	}
	return nil
}

// checkScopes refuses what is no list of our scopes without repetition.
func (s *Service) checkScopes(scopes []string) error {
	for i, scope := range scopes {
		if scope != s.Demands.ScopeRead && scope != s.Demands.ScopeWrite || slices.Contains(scopes[:i], scope) {
			return invalid("scopes", "must name each of %s and %s once at most", s.Demands.ScopeRead, s.Demands.ScopeWrite)
		}
	}
	return nil
}

// narrowed is the scopes that are asked for, if all were granted; none asked for are all (RFC
// 6749, section 6).
func narrowed(granted, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	for _, scope := range asked {
		if !slices.Contains(granted, scope) {
			return nil, invalid("scopes", "must be among those that were granted: %s", strings.Join(granted, " "))
		}
	}
	return asked, nil
}

// words are the scopes of a row.
func words(scopes string) []string { return strings.Fields(scopes) }

// Revoke is what RevokeToken is asked for.
type Revoke struct {
	Token    string `json:"token"`
	ClientID string `json:"clientId"`
}

// RevokeToken ends the connection of a refresh token, or of an access token by its `sid`. Of a
// service, it ends all its access tokens up to now. A token that is unknown needs no end (RFC
// 7009, section 2.2); that of another client is refused.
func (s *Service) RevokeToken(ctx context.Context, in Revoke) error {
	if strings.HasPrefix(in.Token, refreshPrefix) {
		id, isOne := familyOf(in.Token)
		if !isOne {
			return nil
		}
		return s.endFamilyOfClient(ctx, id, in.ClientID)
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(in.Token, claims, s.verifyingKey); err != nil {
		return nil
	}
	client, _ := claims["client_id"].(string)
	if client != in.ClientID {
		return unknown("token of this client")
	}
	session, _ := claims["sid"].(string)
	if strings.HasPrefix(session, serviceSubject) {
		return s.endServiceTokens(ctx, session)
	}
	return s.endFamilyOfClient(ctx, session, in.ClientID)
}

// verifyingKey is the key that a token names.
func (s *Service) verifyingKey(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	if known := s.known.state.Load(); known != nil {
		for _, one := range known.pairs {
			if one.id == id {
				return one.verifies, nil
			}
		}
	}
	return nil, jwt.ErrTokenUnverifiable
}
