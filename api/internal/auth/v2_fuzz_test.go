package auth_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/mac"
)

// FuzzSignedRequest sends requests to a gate whose secret nobody knows: it accepts none, and
// tells nobody why. The seeds are those of the shared file, which another secret signed.
func FuzzSignedRequest(f *testing.F) {
	file := readSigned(f)
	for _, row := range file.Rows {
		if row.Repeat == 1 {
			f.Add([]byte(row.wire()))
		}
	}
	gate := &auth.Gate{
		ID: file.Tenant, Keys: keyring.OfSecret(strings.Repeat("unknown-", 8)), Versions: []string{auth.V1, auth.V2},
		Now: func() time.Time { return time.Unix(file.Rows[0].Time, 0) }, Elapsed: func() time.Duration { return 0 },
	}
	gate.ForProcess(file.Process)
	f.Fuzz(func(t *testing.T, wire []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.ReplaceAll(wire, []byte(`keyid="k2"`), []byte(`keyid="default"`)))))
		if err != nil {
			return
		}
		proof, err := gate.Check(request)
		var refused *fault.Error
		if err == nil || proof.Bound() || !errors.As(err, &refused) || refused.Code != fault.InvalidTenant || refused.Details != nil {
			t.Fatalf("%q: %v", wire, err)
		}
		reasonOf(t, err)
	})
}

// canonical is how a gateway writes Signature-Input, and how little else is accepted.
var canonical = regexp.MustCompile(`^[a-z*][a-z0-9_.*-]*=\("[a-z0-9@-]+"( "[!#$%&'*+.^_|~a-z0-9@-]+")*\)` +
	`(;created=-?[0-9]{1,15}|;expires=-?[0-9]{1,15}|;nonce="[ -!#-\[\]-~]+"|;keyid="default"|;tag="toolbridge"|;alg="hmac-sha256")+$`)

// FuzzSignatureInput signs whatever Signature-Input says, with the right secret: what is
// accepted covers what it must, and is written in the one way that there is.
func FuzzSignatureInput(f *testing.F) {
	const secret = "0123456789abcdef0123456789abcdef"
	file := readSigned(f)
	for _, row := range file.Rows {
		for _, header := range row.Signed {
			if header[0] == "Signature-Input" {
				f.Add(strings.ReplaceAll(header[1], `keyid="k2"`, `keyid="default"`))
			}
		}
	}
	gate := &auth.Gate{
		ID: file.Tenant, Keys: keyring.OfSecret(secret), Versions: []string{auth.V2},
		Now: func() time.Time { return time.Unix(file.Rows[0].Time, 0) }, Elapsed: func() time.Duration { return 0 },
	}
	gate.ForProcess(file.Process)
	key := mac.New([]byte(secret))
	f.Fuzz(func(t *testing.T, input string) {
		gate.Forget()
		label, rest, _ := strings.Cut(input, "=")
		listed, _, _ := strings.Cut(rest, ")")
		components := strings.Split(strings.Trim(listed, `("`), `" "`)
		request := &http.Request{Method: "GET", RequestURI: "/v1/notes", Header: http.Header{
			"Signature-Input": {input}, auth.HeaderTenant: {file.Tenant}, "Authorization": {"Bearer a.b.c"}, "X-Sync-Session": {"new"}, "Accept": {"*/*"},
		}, Body: io.NopCloser(strings.NewReader(""))}
		base, ok := auth.Message{Method: "GET", Target: "/v1/notes", Header: request.Header}.Base(nil, components, rest)
		if ok && strings.Count(string(base), "\n") != len(components) {
			t.Fatalf("a base of other lines: %q", base)
		}
		sum := key.Sum(base)
		request.Header["Signature"] = []string{label + "=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"}
		if reasonOf(t, decide(t, gate, request)) != "" {
			return
		}
		for _, name := range append([]string{"authorization", "x-sync-session"}, auth.Always...) {
			if !strings.Contains(listed, `"`+name+`"`) {
				t.Errorf("%q does not cover %s", input, name)
			}
		}
		if !ok || !canonical.MatchString(input) {
			t.Errorf("accepted %q", input)
		}
	})
}
