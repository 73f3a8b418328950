package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// renewAfter is the age at which a pair is followed by another one, of itself.
	renewAfter = 90 * 24 * time.Hour

	// publishedFor is how long a new pair is published before it signs: longer than a gateway
	// takes to learn of it, or than anybody may keep what it has published.
	publishedFor = 60 * time.Second

	// MaxLifetime bounds the lifetime of an access token.
	MaxLifetime = time.Hour
	minLifetime = time.Minute

	// maxPairs bounds the pairs that somebody makes by asking for new ones.
	maxPairs = 8
)

// JWK is a public key as it is published (RFC 7517). Its order is that of RFC 7638.
type JWK struct {
	Curve     string `json:"crv"`
	Kind      string `json:"kty"`
	X         string `json:"x"`
	Y         string `json:"y"`
	ID        string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

// pair is a pair of keys that signs access tokens. Times are Unix milliseconds.
type pair struct {
	id      string
	public  JWK
	sealed  []byte
	made    int64
	signs   int64 // from when it signs
	retired int64 // from when it signs no more; 0 for not yet
	expires int64 // from when it verifies nothing; 0 for not yet

	verifies *ecdsa.PublicKey
	private  *ecdsa.PrivateKey // nil: no key of the tenant opens it
	again    bool              // whether it should be sealed again
}

// newPair makes a pair that signs from a moment on.
func newPair(sealing seals, made, signs int64) (*pair, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := publish(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return &pair{
		id: public.ID, public: public, sealed: sealing.seal(secret, keyName(public.ID)),
		made: made, signs: signs, verifies: &private.PublicKey, private: private,
	}, nil
}

// keyName is the name under which the private key of a pair is sealed.
func keyName(id string) string { return "login key " + id }

// publish describes a public key. Its id is its thumbprint (RFC 7638), so two keys never have
// the same.
func publish(key *ecdsa.PublicKey) (JWK, error) {
	point, err := key.Bytes()
	if err != nil {
		return JWK{}, err
	}
	half := (len(point) - 1) / 2
	jwk := JWK{
		Curve: "P-256", Kind: "EC",
		X: base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), Y: base64.RawURLEncoding.EncodeToString(point[1+half:]),
	}
	text, err := json.Marshal(jwk)
	if err != nil {
		return JWK{}, err
	}
	sum := sha256.Sum256(text)
	jwk.ID, jwk.Use, jwk.Algorithm = base64.RawURLEncoding.EncodeToString(sum[:]), "sig", "ES256"
	return jwk, nil
}

// key is the key that is described.
func (j JWK) key() (*ecdsa.PublicKey, error) {
	x, err := base64.RawURLEncoding.DecodeString(j.X)
	if err != nil {
		return nil, err
	}
	y, err := base64.RawURLEncoding.DecodeString(j.Y)
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

// unseal opens the private key, if a key of the tenant does.
func (p *pair) unseal(sealing seals) error {
	secret, again, err := sealing.open(p.sealed, keyName(p.id))
	if err != nil {
		return err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return fmt.Errorf("the private key of %s: %w", p.id, err)
	}
	private, isEC := parsed.(*ecdsa.PrivateKey)
	if !isEC || !private.PublicKey.Equal(p.verifies) {
		return fmt.Errorf("the private key of %s is another one's", p.id)
	}
	p.private, p.again = private, again
	return nil
}

// signsAt reports whether the pair may sign.
func (p *pair) signsAt(now int64) bool {
	return p.private != nil && p.signs <= now && (p.retired == 0 || now < p.retired)
}

// verifiesAt reports whether tokens of the pair are accepted.
func (p *pair) verifiesAt(now int64) bool { return p.expires == 0 || now < p.expires }

// signing is the pair that signs, of those that may the one that began last; nil for none.
func signing(pairs []*pair, now int64) (found *pair) {
	for _, one := range pairs {
		if one.signsAt(now) && (found == nil || one.signs > found.signs || one.signs == found.signs && one.id > found.id) {
			found = one
		}
	}
	return found
}

// follow retires a pair in favour of one that signs from a moment on. It goes on to verify
// until its last token has expired.
func (p *pair) follow(signs int64) {
	if p.retired == 0 {
		p.retired = signs
		p.expires = signs + (MaxLifetime + publishedFor).Milliseconds()
	}
}
