package auth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
)

type vector struct {
	Name      string `json:"name"`
	Secret    string `json:"secret"`
	TenantID  string `json:"tenant_id"`
	Timestamp string `json:"timestamp"`
	Signature string `json:"signature"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/tenant_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	return file.Vectors
}

func TestSignaturesAreThoseOfTheSharedVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			if got := auth.Sign(v.Secret, v.TenantID, v.Timestamp); got != v.Signature {
				t.Errorf("signed %s, want %s", got, v.Signature)
			}
		})
	}
}

func TestTheGateTakesEveryVectorAtItsOwnTime(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			ms, err := strconv.ParseInt(v.Timestamp, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			gate := gateV1(v.TenantID, v.Secret, min(ms, 1<<60))
			_, err = gate.Check(signedRequest(v.TenantID, v.Timestamp, v.Signature))
			wanted := auth.Reason("")
			switch {
			case ms > 1<<60:
				wanted = auth.ReasonClock
			case strings.HasPrefix(v.Timestamp, "00"):
				wanted = auth.ReasonDowngrade
			}
			if reason := reasonOf(t, err); reason != wanted {
				t.Errorf("refused for %q, want %q", reason, wanted)
			}
		})
	}
}

// FuzzTenantHeaders checks that only a right signature passes, and that a refusal tells why
// only to somebody who could sign.
func FuzzTenantHeaders(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.TenantID, v.Timestamp, v.Signature)
	}
	f.Add("acme", "-9223372036854775808", "00")
	const secret = "0123456789abcdef0123456789abcdef"
	gate := gateV1("acme", secret, 1763600000000)
	f.Fuzz(func(t *testing.T, tenant, timestamp, signature string) {
		_, err := gate.Check(signedRequest(tenant, timestamp, signature))
		signed := tenant == gate.ID && signature == auth.Sign(secret, tenant, timestamp)
		var refused *fault.Error
		if reasonOf(t, err) == "" && !signed || errors.As(err, &refused) && refused.Details != nil && !signed {
			t.Fatalf("passed, or was told something: %q %q %q %v", tenant, timestamp, signature, err)
		}
	})
}

func signedRequest(tenant, timestamp, signature string) *http.Request {
	return &http.Request{Header: http.Header{
		auth.HeaderTenant: {tenant}, auth.HeaderTimestamp: {timestamp}, auth.HeaderSignature: {signature},
	}}
}

// gateV1 takes version 1, at a time in milliseconds.
func gateV1(tenant, secret string, ms int64) *auth.Gate {
	keys := authtest.Ring(keyring.Source{Secret: secret})
	return &auth.Gate{ID: tenant, Keys: keys, Versions: []string{auth.V1}, Now: func() time.Time { return time.UnixMilli(ms) }}
}
