package auth_test

import (
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/keyring"
)

const benchSecret = "0123456789abcdef0123456789abcdef"

func benchGate() *auth.Gate {
	keys := authtest.Ring(keyring.Source{Secret: benchSecret})
	return &auth.Gate{ID: "acme", Keys: keys, Versions: []string{auth.V1, auth.V2}, Now: time.Now}
}

// usual are the headers of a tool call.
func usual() http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc2NDMzMTIwMH0.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmUtc2k")
	h.Set("X-Sync-Session", "new")
	h.Set("X-Correlation-Id", "8e03978e-40d5-43dd-bc93-6894a57f9324")
	h.Set("X-Tb-Client", "claude-code/2.1")
	h.Set("X-Tb-Tool", "list_notes")
	h.Set("X-Request-Timeout-Ms", "29500")
	h.Set("Accept", "*/*")
	h.Set("User-Agent", "toolbridge")
	h.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	return h
}

// BenchmarkCheck is what a gate costs for a tool call without a body. The time of the processor
// is right on a busy machine, too.
func BenchmarkCheck(b *testing.B) {
	const target = "/v1/notes?limit=50"
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	v1 := usual()
	v1.Set(auth.HeaderTenant, "acme")
	v1.Set(auth.HeaderTimestamp, stamp)
	v1.Set(auth.HeaderSignature, auth.Sign(benchSecret, "acme", stamp))
	gate, v2 := benchGate(), usual()
	authtest.Signer{Tenant: "acme", KeyID: authtest.KeyID, Secret: benchSecret, Process: gate.Process(), Now: time.Now()}.Sign("GET", target, v2, "")
	for name, headers := range map[string]http.Header{"v1": v1, "v2": v2} {
		b.Run(name, func(b *testing.B) {
			request := &http.Request{Method: "GET", RequestURI: target, Header: headers}
			b.ReportAllocs()
			began := processorTime()
			for b.Loop() {
				gate.Forget()
				if _, err := gate.Check(request); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
