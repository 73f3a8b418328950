package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

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

// errNoKeys means that no token can be checked.
var errNoKeys = errors.New("no usable key of the identity provider was ever fetched")

var publicAlgorithms = []string{
	jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg(),
}

// publicKey is a key and the only algorithm that it may verify.
type publicKey struct {
	id        *string // nil if the provider gave it none
	key       any
	algorithm string
	spelled   string // the key in DER, which is the same for equal keys
}

// KeySet is the public keys of an identity provider. Keys that were fetched stay in
// use while the provider cannot be reached, or publishes no usable key.
type KeySet struct {
	url     string
	now     func() time.Time
	client  *http.Client
	flight  singleflight.Group
	unknown *rate.Limiter
	keys    atomic.Pointer[[]publicKey] // nil until the first fetch
	read    atomic.Int64                // when they were fetched last, in Unix nanoseconds
}

// NewKeySet returns an empty set, which is fetched from a JWKS URL when it is first
// needed. It follows no redirect, and uses the proxy that HTTPS_PROXY and NO_PROXY
// name for https.
func NewKeySet(url string, now func() time.Time) *KeySet {
	return &KeySet{
		url: url,
		now: now,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: 64 << 10,
			},
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

// verify returns an error unless the key that a token means signed it. Without an id,
// it is the only key for the algorithm (RFC 7517, section 4.5: an id is optional). If
// that is unknown, or a key without a name did not sign the token, the provider may
// have published another one since.
func (s *KeySet) verify(algorithm string, id *string, signed signedWith) error {
	found := s.known(algorithm, id)
	if found != nil {
		if err := signed(found.key); err == nil || id != nil {
			return err
		}
	}
	_, err, _ := s.flight.Do("", func() (any, error) { return nil, s.fetchForUnknown() })
	newer := s.known(algorithm, id)
	if newer == nil || found != nil && newer.spelled == found.spelled {
		return errors.Join(errors.New("no known key signed the token"), s.ready(), err)
	}
	return signed(newer.key)
}

// ready returns an error while no usable key was ever fetched.
func (s *KeySet) ready() error {
	if s.keys.Load() == nil {
		return errNoKeys
	}
	return nil
}

// known is the one key that a token may mean, or nil.
func (s *KeySet) known(algorithm string, id *string) *publicKey {
	keys := s.keys.Load()
	if keys == nil {
		return nil
	}
	var found *publicKey
	for i, key := range *keys {
		if key.algorithm != algorithm || id != nil && (key.id == nil || *key.id != *id) {
			continue
		}
		if found != nil && found.spelled != key.spelled {
			return nil
		}
		found = &(*keys)[i]
	}
	return found
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
	s.read.Store(s.now().UnixNano())
	return nil
}

// state is how many keys there are, and when they were fetched; never, if that is zero.
func (s *KeySet) state() (keys int, read time.Time) {
	found := s.keys.Load()
	if found == nil {
		return 0, time.Time{}
	}
	return len(*found), time.Unix(0, s.read.Load())
}

// parseKeySet returns the keys that can verify a token, and ignores all others (RFC
// 7517, section 5).
func parseKeySet(body []byte) ([]publicKey, error) {
	sent, err := parseMembers(body)
	if err != nil {
		return nil, fmt.Errorf("the key set is not one: %w", err)
	}
	var texts []json.RawMessage
	if err := json.Unmarshal(sent["keys"], &texts); err != nil {
		return nil, fmt.Errorf("the key set has no list of keys: %w", err)
	}
	var keys []publicKey
	for _, text := range texts {
		if key, ok := parseKey(text); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

// parseKey reads a key. It ignores a certificate, which would have to be fetched or
// checked: only the numbers count.
func parseKey(text []byte) (key publicKey, ok bool) {
	sent, err := parseMembers(text)
	if err != nil {
		return publicKey{}, false
	}
	texts := map[string]string{}
	for _, name := range []string{"kid", "use", "alg", "kty", "crv", "x", "y", "n", "e"} {
		var value *string
		if member, present := sent[name]; present && json.Unmarshal(member, &value) != nil {
			return publicKey{}, false
		}
		if value != nil {
			texts[name] = *value
		}
	}
	if use, present := texts["use"]; present && use != "sig" || !mayVerify(sent) {
		return publicKey{}, false
	}
	found, algorithm := verifierOf(texts)
	if alg, present := texts["alg"]; found == nil || present && alg != algorithm {
		return publicKey{}, false
	}
	key = publicKey{key: found, algorithm: algorithm}
	if id, present := texts["kid"]; present {
		key.id = &id
	}
	spelled, err := x509.MarshalPKIXPublicKey(found)
	key.spelled = string(spelled)
	return key, err == nil
}

// mayVerify reports whether `key_ops` is absent or names what a verifier does (RFC
// 7517, section 4.3).
func mayVerify(key members) bool {
	if _, present := key["key_ops"]; !present {
		return true
	}
	operations, areTexts := key.texts("key_ops")
	return areTexts && slices.Contains(operations, "verify")
}

// verifierOf returns a key of RFC 7518, section 6, or RFC 8037, and the algorithm
// that it may verify. The key is nil if it is too weak or of another kind.
func verifierOf(texts map[string]string) (key any, algorithm string) {
	number := func(name string) []byte {
		decoded, err := decodeBase64URL(texts[name])
		if err != nil {
			return nil
		}
		return decoded
	}
	switch kind, curve := texts["kty"], texts["crv"]; {
	case kind == "OKP" && curve == "Ed25519":
		if x := number("x"); len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x), jwt.SigningMethodEdDSA.Alg()
		}
	case kind == "EC" && curve == "P-256":
		x, y := number("x"), number("y")
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err == nil && len(x) == len(y) {
			return key, jwt.SigningMethodES256.Alg()
		}
	case kind == "RSA":
		n, e := new(big.Int).SetBytes(number("n")), new(big.Int).SetBytes(number("e"))
		if n.BitLen() >= minRSABits && e.BitLen() < 32 && e.Int64() >= 3 && e.Bit(0) == 1 {
			return &rsa.PublicKey{N: n, E: int(e.Int64())}, jwt.SigningMethodRS256.Alg()
		}
	}
	return nil, ""
}
