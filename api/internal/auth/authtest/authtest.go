// Package authtest signs requests as a gateway does, for tests.
package authtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/mac"
)

// KeyID is that of the key of a ring with one secret.
const KeyID = keyring.OnlyID

// Ring is a ring of keys: of one secret, or of a list.
func Ring(source keyring.Source) *keyring.Ring {
	ring, err := source.Open()
	if err != nil {
		panic(err)
	}
	return ring
}

// Signer signs in version 2.
type Signer struct {
	Tenant  string
	KeyID   string
	Secret  string
	Process string // of the API
	Now     time.Time
	Nonce   string // behind that of the process; empty: a fresh one
}

// Sign adds the headers to a request that is otherwise as it will be sent.
func (s Signer) Sign(method, target string, header http.Header, body string) {
	header.Set(auth.HeaderTenant, s.Tenant)
	if body != "" {
		sum := sha256.Sum256([]byte(body))
		header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	}
	covered := slices.Clone(auth.Always)
	for _, name := range auth.Covered {
		if len(header.Values(name)) > 0 {
			covered = append(covered, name)
		}
	}
	s.SignCovering(method, target, header, covered...)
}

// SignCovering signs only these components of a request.
func (s Signer) SignCovering(method, target string, header http.Header, covered ...string) {
	random := s.Nonce
	if random == "" {
		random = rand.Text()
	}
	s.SignWith(method, target, header, covered, fmt.Sprintf(`;created=%d;nonce="%s.%s";keyid="%s";tag="%s"`,
		s.Now.Unix(), s.Process, random, s.KeyID, auth.Tag))
}

// SignWith signs with these parameters, whatever they are.
func (s Signer) SignWith(method, target string, header http.Header, covered []string, parameters string) {
	input := `("` + strings.Join(covered, `" "`) + `")` + parameters
	base, ok := auth.Message{Method: method, Target: target, Header: header}.Base(nil, covered, input)
	if !ok {
		panic("the request lacks what it shall cover")
	}
	sum := mac.New([]byte(s.Secret)).Sum(base)
	header.Set("Signature-Input", "tb="+input)
	header.Set("Signature", "tb=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
}
