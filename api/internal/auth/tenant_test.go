package auth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
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
			gate := auth.TenantGate{ID: v.TenantID, Secret: v.Secret, Now: at(min(ms, 1<<60))}
			err = gate.Check(signedRequest(v.TenantID, v.Timestamp, v.Signature))
			if farAway := ms > 1<<60; farAway == (err == nil) {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

// FuzzTenantHeaders checks that only a right signature passes, and that every
// refusal is the same.
func FuzzTenantHeaders(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.TenantID, v.Timestamp, v.Signature)
	}
	f.Add("acme", "-9223372036854775808", "00")
	gate := auth.TenantGate{ID: "acme", Secret: "0123456789abcdef0123456789abcdef", Now: at(1763600000000)}
	f.Fuzz(func(t *testing.T, tenant, timestamp, signature string) {
		err := gate.Check(signedRequest(tenant, timestamp, signature))
		if err == nil {
			if tenant != gate.ID || signature != auth.Sign(gate.Secret, tenant, timestamp) {
				t.Fatalf("passed: %q %q %q", tenant, timestamp, signature)
			}
			return
		}
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != fault.InvalidTenant || refused.Details != nil {
			t.Fatalf("refused in another way: %v", err)
		}
	})
}

func signedRequest(tenant, timestamp, signature string) *http.Request {
	return &http.Request{Header: http.Header{
		auth.HeaderTenant: {tenant}, auth.HeaderTimestamp: {timestamp}, auth.HeaderSignature: {signature},
	}}
}

func at(ms int64) func() time.Time {
	return func() time.Time { return time.UnixMilli(ms) }
}
