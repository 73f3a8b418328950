package auth_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/mac"
)

// signedRow is a request of the shared file, whose script says what the members are.
type signedRow struct {
	Name, Method, Target, Body, Base, Tenant string
	Refused                                  auth.Reason
	Headers, Signed                          [][2]string
	Repeat                                   int
	Time                                     int64
}

type signedRows struct {
	Process, Tenant string
	Keys            []struct{ ID, Secret string }
	Standard        struct {
		Secret, Method, Target, Base, Signature string
		Headers                                 [][2]string
		Input                                   string `json:"signature_input"`
	}
	Rows []signedRow
}

func readSigned(t testing.TB) (file signedRows) {
	t.Helper()
	text, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Rows) == 0 {
		t.Fatal(err)
	}
	return file
}

// asSent is a request as it is on the wire.
func asSent(method, target string, headers [][2]string, body string) string {
	var wire strings.Builder
	fmt.Fprintf(&wire, "%s %s HTTP/1.1\r\n", method, target)
	if !slices.ContainsFunc(headers, func(header [2]string) bool { return header[0] == "Host" }) {
		wire.WriteString("Host: api\r\n")
	}
	for _, header := range headers {
		fmt.Fprintf(&wire, "%s: %s\r\n", header[0], header[1])
	}
	if !slices.ContainsFunc(headers, func(header [2]string) bool { return header[0] == "Content-Length" }) && body != "" {
		fmt.Fprintf(&wire, "Content-Length: %d\r\n", len(body))
	}
	wire.WriteString("\r\n" + body)
	return wire.String()
}

// received is a request as the server reads it.
func received(t testing.TB, wire string) *http.Request {
	t.Helper()
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func (row signedRow) wire() string {
	return asSent(row.Method, row.Target, slices.Concat(row.Headers, row.Signed), strings.Repeat(row.Body, row.Repeat))
}

func (row signedRow) request(t testing.TB) *http.Request { return received(t, row.wire()) }

// gate is the API of the file, at a time.
func (file signedRows) gate(tenant string, seconds int64) *auth.Gate {
	var list strings.Builder
	for _, key := range file.Keys {
		fmt.Fprintf(&list, "%s:2026-11-01:%s\n", key.ID, key.Secret)
	}
	now := func() time.Time { return time.Unix(seconds, 0) }
	gate := &auth.Gate{
		ID: tenant, Keys: authtest.Ring(keyring.Source{List: list.String()}), Versions: []string{auth.V1, auth.V2},
		Now: now, Elapsed: func() time.Duration { return 0 },
	}
	return gate.ForProcess(file.Process)
}

// tenant is whose API the row asks: in one row, that of the file is asked for another.
func (row signedRow) tenant(file signedRows) string {
	if row.Refused == auth.ReasonTenant {
		return file.Tenant
	}
	return row.Tenant
}

// decide passes a request through a gate, and its body.
func decide(t testing.TB, gate *auth.Gate, request *http.Request) error {
	t.Helper()
	proof, err := gate.Check(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	return proof.Body(body)
}

// reasonOf is why a request was refused; empty if it was not.
func reasonOf(t testing.TB, err error) auth.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *fault.Error
	var why *auth.Refusal
	if !errors.As(err, &refused) || !errors.As(err, &why) || refused.Code != fault.InvalidTenant || refused.Message != "Unauthorized: invalid tenant headers" {
		t.Fatalf("refused in another way: %v", err)
	}
	told := slices.Index(auth.Reasons, why.Reason) > slices.Index(auth.Reasons, auth.ReasonTenant)
	if (refused.Details != nil) != told || told && refused.Details["reason"] != why.Reason {
		t.Fatalf("tells %v of %s", refused.Details, why.Reason)
	}
	return why.Reason
}

func TestTheStandardsExampleHasItsSignature(t *testing.T) {
	standard := readSigned(t).Standard
	request := received(t, asSent(standard.Method, standard.Target, standard.Headers, `{"hello": "world"}`))
	label, parameters, _ := strings.Cut(standard.Input, "=")
	message := auth.Message{Method: request.Method, Target: request.RequestURI, Authority: request.Host, Header: request.Header}
	base, ok := message.Base(nil, []string{"date", "@authority", "content-type"}, parameters)
	if !ok || string(base) != standard.Base {
		t.Errorf("base %q", base)
	}
	secret, err := base64.StdEncoding.DecodeString(standard.Secret)
	if err != nil {
		t.Fatal(err)
	}
	sum := mac.New(secret).Sum(base)
	if got := label + "=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"; got != standard.Signature {
		t.Errorf("signature %s", got)
	}
}

func TestTheGateDecidesAsTheSharedFileSays(t *testing.T) {
	file := readSigned(t)
	for _, row := range file.Rows {
		t.Run(row.Name, func(t *testing.T) {
			gate := file.gate(row.tenant(file), row.Time)
			if reason := reasonOf(t, decide(t, gate, row.request(t))); reason != row.Refused {
				t.Fatalf("refused for %q, want %q", reason, row.Refused)
			}
			if row.Refused != "" {
				return
			}
			if reason := reasonOf(t, decide(t, gate, row.request(t))); reason != auth.ReasonReplay {
				t.Errorf("sent again: %q", reason)
			}
			if reason := reasonOf(t, decide(t, file.gate(row.Tenant, row.Time).ForProcess("another"), row.request(t))); reason != auth.ReasonProcess {
				t.Errorf("sent to another process: %q", reason)
			}
		})
	}
}

func TestWhatIsReadBeforeTheMACIsBounded(t *testing.T) {
	file := readSigned(t)
	row := file.Rows[0]
	good := slices.Concat(row.Headers, row.Signed)
	beside := func(header, signature string) error {
		more := [][2]string{{"Signature-Input", header}, {"Signature", signature}}
		return decide(t, file.gate(row.Tenant, row.Time), received(t, asSent(row.Method, row.Target, slices.Concat(good, more), "")))
	}
	members := func(count int, value string) string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf("p%d=%s", i, value))
		}
		return strings.Join(all, ", ")
	}
	components := func(count int) string {
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf(`"x-%d"`, i))
		}
		return "p=(" + strings.Join(all, " ") + ")"
	}
	used := map[string]int{}
	for _, header := range row.Signed {
		used[header[0]] = len(header[1])
	}
	filled := func(length int) string { return `p=();x="` + strings.Repeat("x", length-len(`p=();x=""`)) + `"` }
	for name, one := range map[string]struct {
		header, signature string
		refused           auth.Reason
	}{
		"eight signatures":         {members(7, "()"), members(7, ":AA==:"), ""},
		"nine signatures":          {members(8, "()"), members(7, ":AA==:"), auth.ReasonForm},
		"forty components":         {components(40), "p=:AA==:", ""},
		"more components":          {components(41), "p=:AA==:", auth.ReasonForm},
		"a name of 64 bytes":       {strings.Repeat("p", 64) + "=()", "p=:AA==:", ""},
		"a name of 65 bytes":       {strings.Repeat("p", 65) + "=()", "p=:AA==:", auth.ReasonForm},
		"4096 bytes of input":      {filled(4096 - used["Signature-Input"]), "p=:AA==:", ""},
		"4097 bytes of input":      {filled(4097 - used["Signature-Input"]), "p=:AA==:", auth.ReasonForm},
		"4096 bytes of signatures": {"p=()", "p=:" + strings.Repeat("A", 4096-used["Signature"]-4) + ":", ""},
		"4097 bytes of signatures": {"p=()", "p=:" + strings.Repeat("A", 4097-used["Signature"]-4) + ":", auth.ReasonForm},
	} {
		if reason := reasonOf(t, beside(one.header, one.signature)); reason != one.refused {
			t.Errorf("%s: %q, want %q", name, reason, one.refused)
		}
	}
}

// TestOnlyARightMACIsRemembered floods a gate with what others could send.
func TestOnlyARightMACIsRemembered(t *testing.T) {
	file := readSigned(t)
	gate := file.gate(file.Tenant, file.Rows[0].Time)
	for _, row := range file.Rows {
		switch row.Refused {
		case auth.ReasonMAC, auth.ReasonKey, auth.ReasonForm, auth.ReasonUncovered, auth.ReasonTenant, auth.ReasonDigest, auth.ReasonClock:
			_ = decide(t, gate, row.request(t))
		}
	}
	if kept := gate.Kept(); kept > 1 { // one nonce: that of all rows whose body is another one
		t.Errorf("%d nonces are kept", kept)
	}
}
