package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	refreshEvery = 15 * time.Minute // so that a key that was withdrawn is forgotten
	retryEvery   = 10 * time.Second
	fetchWithin  = 5 * time.Second
	maxKeySet    = 256 << 10 // bytes
	minRSABits   = 2048

	// Unknown key ids may cause this many fetches at once, then one per retryEvery.
	unknownBurst = 5
)

// errNoKeys means that no token can be checked, since no key was ever fetched.
var errNoKeys = errors.New("the identity provider's keys were never fetched")

var publicAlgorithms = []string{
	jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg(),
}

// publicKey is a key and the only algorithm that it may verify.
type publicKey struct {
	key       any
	algorithm string
}

// KeySet is the public keys of an identity provider, by key id. Keys that were
// fetched stay in use while the provider cannot be reached.
type KeySet struct {
	url     string
	now     func() time.Time
	client  *http.Client
	flight  singleflight.Group
	unknown *rate.Limiter
	keys    atomic.Pointer[map[string]publicKey] // nil until the first fetch
}

// NewKeySet returns an empty set, which is fetched from a JWKS URL when it is first
// needed. It follows no redirect and uses no proxy from the environment.
func NewKeySet(url string, now func() time.Time) *KeySet {
	return &KeySet{
		url: url,
		now: now,
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       fetchWithin,
		},
		unknown: rate.NewLimiter(rate.Every(retryEvery), unknownBurst),
	}
}

// Keep fetches the set at once and then regularly until ctx ends. It logs each
// fetch that fails.
func (s *KeySet) Keep(ctx context.Context, log *slog.Logger) {
	for {
		pause := refreshEvery
		if err := s.Refresh(); err != nil {
			log.Warn("the identity provider's keys cannot be fetched", "error", err.Error())
			pause = retryEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Refresh fetches the set, or joins a fetch that is under way. A failure leaves the
// set as it was.
func (s *KeySet) Refresh() error {
	_, err, _ := s.flight.Do("", func() (any, error) { return nil, s.fetch() })
	return err
}

// verifying finds the key that a token names, and refuses any algorithm other than
// the key's own.
func (s *KeySet) verifying(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	if id == "" {
		return nil, errors.New("the token names no key")
	}
	found, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if token.Method.Alg() != found.algorithm {
		return nil, errors.New("the token's algorithm is not that of its key")
	}
	return found.key, nil
}

func (s *KeySet) find(id string) (publicKey, error) {
	if found, known := s.known(id); known {
		return found, nil
	}
	_, err, _ := s.flight.Do("", func() (any, error) { return nil, s.fetchForUnknown() })
	if found, known := s.known(id); known {
		return found, nil
	}
	if s.keys.Load() == nil {
		return publicKey{}, errors.Join(errNoKeys, err)
	}
	return publicKey{}, errors.Join(errors.New("the token's key is unknown"), err)
}

func (s *KeySet) known(id string) (publicKey, bool) {
	keys := s.keys.Load()
	if keys == nil {
		return publicKey{}, false
	}
	found, known := (*keys)[id]
	return found, known
}

func (s *KeySet) fetchForUnknown() error {
	if !s.unknown.AllowN(s.now(), 1) {
		return errors.New("fetched too often for unknown keys")
	}
	return s.fetch()
}

func (s *KeySet) fetch() error {
	response, err := s.client.Get(s.url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the key set was answered with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return err
	}
	if len(body) > maxKeySet {
		return fmt.Errorf("the key set is larger than %d bytes", maxKeySet)
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return err
	}
	s.keys.Store(&keys)
	return nil
}

// parseKeySet returns the keys that can verify a token, and ignores all others.
func parseKeySet(body []byte) (map[string]publicKey, error) {
	var sent struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, fmt.Errorf("the key set is not one: %w", err)
	}
	keys := make(map[string]publicKey, len(sent.Keys))
	for _, text := range sent.Keys {
		if id, key, ok := parseKey(text); ok {
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

func parseKey(text []byte) (id string, key publicKey, ok bool) {
	var sent jwkset.JWKMarshal
	if json.Unmarshal(text, &sent) != nil || sent.KID == "" || sent.USE != "" && sent.USE != jwkset.UseSig {
		return "", publicKey{}, false
	}
	// Only the numbers count: a certificate would have to be fetched or checked.
	bare := jwkset.JWKMarshal{KTY: sent.KTY, CRV: sent.CRV, X: sent.X, Y: sent.Y, N: sent.N, E: sent.E}
	parsed, err := jwkset.NewJWKFromMarshal(bare, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return "", publicKey{}, false
	}
	key = publicKey{key: parsed.Key(), algorithm: algorithmOf(parsed.Key())}
	return sent.KID, key, key.algorithm != "" && (sent.ALG == "" || sent.ALG.String() == key.algorithm)
}

// algorithmOf is the algorithm that a key may verify, "" for none.
func algorithmOf(key any) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= minRSABits {
			return jwt.SigningMethodRS256.Alg()
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return jwt.SigningMethodES256.Alg()
		}
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA.Alg()
	}
	return ""
}
