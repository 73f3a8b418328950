package httpapi_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/keyring"
)

// signed are the headers of a user's request, signed in version 2.
func (u user) signed(method, target, body string, changes ...header) http.Header {
	h := u.bare()
	apply(h, changes, func(string) bool { return true })
	u.signer().Sign(method, target, h, body)
	return h
}

// refused checks a refusal, and what it tells: nothing if reason is nil.
func (a answer) refused(reason any) answer {
	a.t.Helper()
	a.fails(http.StatusUnauthorized, "invalid_tenant").says("Unauthorized: invalid tenant headers")
	if details := a.json()["details"]; reason == nil && details != nil || a.detail("reason") != reason {
		a.t.Errorf("%s: tells %v, want %v", a.request, details, reason)
	}
	return a
}

// allObeyed is a request with all headers that the API obeys.
func (u user) allObeyed() header {
	return header{
		"X-Sync-Session": {u.opens()}, "X-Sync-Epoch": {"1"}, "X-Correlation-ID": {"corr-1"}, "X-TB-Client": {"claude/1"}, "X-TB-Tool": {"update_note"},
		"Idempotency-Key": {"k"}, "If-Match": {"1"}, "X-Request-Timeout-Ms": {"60000"}, "X-Debug-Sub": {"bob"},
	}
}

func TestAHeaderThatIsNotAsItWasSignedIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	uid, body := u.has(find("note"), "").UID, `{"title":"Milk"}`
	target := "/v1/notes/" + uid
	all := u.allObeyed()
	names := []string{"X-TB-Tenant-ID", "Content-Digest", "Authorization"}
	for name := range all {
		names = append(names, name)
	}
	if len(names) != len(auth.Covered)+1 {
		t.Fatalf("tests %d headers of %d", len(names), len(auth.Covered)+1)
	}
	for _, name := range names {
		name = http.CanonicalHeaderKey(name)
		whole := u.signed("PUT", target, body, all)
		for what, change := range map[string]func(h http.Header){
			"removed":   func(h http.Header) { h.Del(name) },
			"emptied":   func(h http.Header) { h[name] = []string{""} },
			"changed":   func(h http.Header) { h[name] = []string{flipped(h[name][0])} },
			"doubled":   func(h http.Header) { h[name] = []string{h[name][0], h[name][0]} },
			"followed":  func(h http.Header) { h[name] = []string{h[name][0], "x"} },
			"another's": func(h http.Header) { h[name] = u.user("bob").signed("PUT", target, `{}`, header{name: {"9"}})[name] },
		} {
			h := whole.Clone()
			if change(h); h.Get(name) == whole.Get(name) && len(h[name]) == 1 {
				continue // there is one tenant
			}
			got := u.send("PUT", target, body, h)
			if got.status != 401 || got.json()["details"] != nil {
				t.Errorf("%s was %s: %d %s", name, what, got.status, got.body)
			}
		}
		if name == "X-Tb-Tenant-Id" || name == "Content-Digest" || name == "Authorization" {
			continue // without them, nothing is signed
		}
		less := maps.Clone(all)
		for given := range less {
			if http.CanonicalHeaderKey(given) == name {
				delete(less, given)
			}
		}
		added := u.signed("PUT", target, body, less)
		value := whole.Get(name)
		if name == "X-Sync-Session" { // there is always one: it was added to a request without one
			added = u.signed("PUT", target, body, less, unset(name))
		}
		added.Set(name, value)
		u.send("PUT", target, body, added).refused(nil)
	}
	if u.call("GET", target, "").is(200).item().Version != 1 {
		t.Error("something was written")
	}
	u.call("PUT", target, body, all).is(200)
}

// flipped is a text with another last character.
func flipped(text string) string {
	last := text[len(text)-1]
	return text[:len(text)-1] + string(last^1)
}

func TestARequestThatIsNotAsItWasSignedIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	uid := u.has(find("note"), "").UID
	signed := func() http.Header { return u.signed("GET", "/v1/notes?limit=5", "") }
	u.send("GET", "/v1/notes?limit=5", "", signed()).is(200)
	for _, row := range [][2]string{
		{"GET", "/v1/notes?limit=6"}, {"GET", "/v1/notes?limit=5&"}, {"GET", "/v1/notes?limit=%35"}, {"GET", "/v1/notes?"}, {"GET", "/v1/notes"},
		{"GET", "/v1/tasks?limit=5"}, {"DELETE", "/v1/notes/" + uid}, {"POST", "/v1/sync/sessions?limit=5"},
		{"GET", "/v1/notes?tag=x&limit=5"},
	} {
		u.send(row[0], row[1], "", signed()).refused(nil)
	}
	for _, old := range []string{"created=1", "nonce=\"" + u.gate.Process()[:1], "nonce=\"" + u.gate.Process() + ".", "keyid=\"d", "\"@method\" \"@path\"", "\"x-sync-session\""} {
		h := signed()
		input := h.Get("Signature-Input")
		if !strings.Contains(input, old) {
			t.Fatalf("%s lacks %s", input, old)
		}
		h.Set("Signature-Input", strings.Replace(input, old, flipped(old), 1))
		got := u.send("GET", "/v1/notes?limit=5", "", h)
		if got.status != 401 || got.json()["details"] != nil {
			t.Errorf("%s: %d %s", h.Get("Signature-Input"), got.status, got.body)
		}
	}
	signature := signed()
	text := signature.Get("Signature")
	for i := 4; i < len(text)-2; i++ {
		changed := signature.Clone()
		changed.Set("Signature", text[:i]+string(text[i]^1)+text[i+1:])
		u.send("GET", "/v1/notes?limit=5", "", changed).refused(nil)
	}
	u.send("GET", "/v1/notes?limit=5", "", signature).is(200)
}

func TestARequestIsGoodOnceAndInOneProcess(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		one := start(t).user("alice")
		two := one.twin()
		create := one.signed("POST", "/v1/notes", "{}")
		elsewhere := two.send("POST", "/v1/notes", "{}", create).refused("process")
		if told := elsewhere.header.Get("X-TB-Process"); told != two.gate.Process() || told == one.gate.Process() {
			t.Errorf("told to sign for %q", told)
		}
		one.send("POST", "/v1/notes", "{}", create).is(201)
		again := one.send("POST", "/v1/notes", "{}", create).refused("replay")
		if again.header.Get("X-TB-Process") != "" {
			t.Error("told to sign again")
		}
		two.send("POST", "/v1/notes", "{}", create).refused("process")
		read := one.signed("GET", "/v1/notes?total=true", "")
		if got := one.send("GET", "/v1/notes?total=true", "", read).is(200).json()["total"]; got != 1.0 {
			t.Errorf("%v notes", got)
		}
		one.send("GET", "/v1/notes?total=true", "", read).refused("replay")
		one.on(two).call("GET", "/v1/notes", "").is(200)
	})
}

func TestOfManyWithOneNonceOneIsAccepted(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for round := range 20 {
		signer := u.signer()
		signer.Nonce = fmt.Sprintf("0123456789abcdef%d", round)
		var mu sync.Mutex
		var users sync.WaitGroup
		accepted, reasons := 0, map[any]int{}
		for i := range 8 { // another request each, with the same nonce
			users.Go(func() {
				target, h := fmt.Sprintf("/v1/notes?limit=%d", i+1), u.bare()
				signer.Sign("GET", target, h, "")
				got := u.send("GET", target, "", h)
				mu.Lock()
				defer mu.Unlock()
				if got.status == 200 {
					accepted++
				} else {
					reasons[got.detail("reason")]++
				}
			})
		}
		users.Wait()
		if accepted != 1 || reasons["replay"] != 7 {
			t.Fatalf("%d accepted, refused %v", accepted, reasons)
		}
	}
}

func TestTheTimeOfASignatureIsNowGiveOrTakeAMinute(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	now := u.clock.Now()
	for _, row := range []struct {
		ahead time.Duration
		skew  any
	}{{0, nil}, {60 * time.Second, nil}, {-60 * time.Second, nil}, {61 * time.Second, 61.0}, {-61 * time.Second, -61.0}, {-24 * time.Hour, -86400.0}} {
		signer, h := u.signer(), u.bare()
		signer.Now = now.Add(row.ahead)
		signer.Sign("GET", "/v1/notes", h, "")
		got := u.send("GET", "/v1/notes", "", h)
		if row.skew == nil {
			got.is(200)
		} else if got.refused("clock").detail("skewSeconds") != row.skew {
			t.Errorf("%v ahead: %s", row.ahead, got.body)
		}
	}
	u.finish()
	if log := u.log.String(); !strings.Contains(log, `"reason":"clock","skew_s":61`) || !strings.Contains(log, `"reason":"clock","skew_s":-86400`) {
		t.Errorf("the log does not say by how much: %s", log)
	}
}

func TestAClockThatWasSetMakesNoRequestGoodAgain(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	before := u.gate.Process()
	h := u.signed("GET", "/v1/notes", "")
	u.send("GET", "/v1/notes", "", h).is(200)
	u.clock.advance(10 * time.Minute)
	u.call("GET", "/v1/notes", "").is(200) // what is old is forgotten
	u.clock.set(-10 * time.Minute)
	u.send("GET", "/v1/notes", "", h).refused("process")
	if u.gate.Process() == before {
		t.Error("the process is the same")
	}
	u.call("GET", "/v1/notes", "").is(200)
	u.clock.set(500 * time.Millisecond) // as a clock is adjusted
	if after := u.gate.Process(); after == before {
		t.Error("adjusted, and begun anew")
	}
}

func TestEachKeyOfTheRingIsGoodUntilItIsTakenAway(t *testing.T) {
	t.Parallel()
	old, young := "k1:2026-01-31:"+tenantSecret, "k2:2026-11-20:"+strings.ToUpper(tenantSecret)
	p := start(t, func(api *httpapi.API) { api.Tenant.Keys = authtest.Ring(keyring.Source{List: young + " " + old}) })
	u := p.user("alice")
	by := func(id, secret string) answer {
		signer, h := u.signer(), u.bare()
		signer.KeyID, signer.Secret = id, secret
		signer.Sign("GET", "/v1/notes", h, "")
		return u.send("GET", "/v1/notes", "", h)
	}
	v1 := u.signing(auth.V1)
	by("k1", tenantSecret).is(200)
	by("k2", strings.ToUpper(tenantSecret)).is(200)
	by("k1", strings.ToUpper(tenantSecret)).refused(nil)
	by("k3", tenantSecret).refused(nil)
	v1.call("GET", "/v1/notes", "").is(200)
	if keys := p.send("GET", "/v1/sync/info", "", nil).json()["signatures"].(map[string]any)["keys"]; fmt.Sprint(keys) != "[k2 k1]" {
		t.Errorf("names %v", keys)
	}
	p.gate.Keys = authtest.Ring(keyring.Source{List: young})
	by("k1", tenantSecret).refused(nil)
	by("k2", strings.ToUpper(tenantSecret)).is(200)
	v1.call("GET", "/v1/notes", "").refused(nil)
}

func TestTheSettingsSayWhichVersionsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, accepted := range [][]string{{auth.V1, auth.V2}, {auth.V2}, {auth.V1}} {
		p := start(t, func(api *httpapi.API) { api.Tenant.Versions = accepted })
		told := p.send("GET", "/v1/sync/info", "", nil).json()["signatures"].(map[string]any)["versions"]
		if fmt.Sprint(told) != fmt.Sprint(accepted) {
			t.Errorf("tells %v", told)
		}
		for _, version := range []string{auth.V1, auth.V2} {
			got := p.user("alice").signing(version).call("GET", "/v1/notes", "")
			if slices.Contains(accepted, version) {
				got.is(200)
			} else if versions := got.refused("version").detail("versions"); fmt.Sprint(versions) != fmt.Sprint(accepted) {
				t.Errorf("tells %v", versions)
			}
		}
		timestamp := "0" + fmt.Sprint(p.clock.Now().UnixMilli())
		forged := signedAs(tenantID, timestamp, auth.Sign("another", tenantID, timestamp))
		p.user("alice").signing(auth.V1).call("GET", "/v1/notes", "", forged).refused(nil)
		if strings.Contains(p.log.String(), `"level":"ERROR"`) {
			t.Error("anybody can write an error into the log")
		}
		misled := signedAs(tenantID, timestamp, auth.Sign(tenantSecret, tenantID, timestamp))
		p.user("alice").signing(auth.V1).call("GET", "/v1/notes", "", misled).refused("downgrade")
		p.finish()
		if log := p.log.String(); strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, `"reason":"downgrade"`) {
			t.Errorf("the log says %s", log)
		}
	}
}

// overWire sends a request as text, and returns the response.
func (p *process) overWire(line string, h http.Header, body string) answer {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	var text strings.Builder
	_ = h.Write(&text)
	fmt.Fprintf(conn, "%s HTTP/1.1\r\n%s\r\n%s", line, text.String(), body)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{p.t, line, response.StatusCode, response.Header, got}
}

func TestTheTargetCountsAsItIsOnTheWireAndTheHostNever(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	hosted := func(target, host string) http.Header {
		h := u.signed("GET", target, "")
		h.Set("Host", host)
		return h
	}
	const target = "/v1/notes?limit=5"
	for _, host := range []string{"api", "other.example:99", ""} {
		u.overWire("GET "+target, hosted(target, host), "").is(200)
	}
	u.overWire("GET http://other.example"+target, hosted(target, "api"), "").is(200)
	u.overWire("GET HTTP://other.example"+target, hosted("http://x.example"+target, "api"), "").is(200)
	u.overWire("GET http://other.example/v1/tasks?limit=5", hosted(target, "api"), "").refused(nil)
	u.overWire("GET ftp://other.example"+target, hosted(target, "api"), "").refused(nil)
	u.overWire("GET http:"+target, hosted(target, "api"), "").refused(nil)
	for _, written := range []string{"/v1/search?q=a%20b", "/v1/search?q=a+b", "/v1/search?q=a%2520b", "/v1/search?q=%e6%9d%b1", "/v1/search?q=%E6%9D%B1", "/v1/search?q='"} {
		u.overWire("GET "+written, hosted(written, "api"), "").is(200)
	}
	u.overWire("GET /v1/search?q=%E6%9D%B1", hosted("/v1/search?q=%e6%9d%b1", "api"), "").refused(nil)
	u.overWire("GET /v1/search?q=a%20b", hosted("/v1/search?q=a+b", "api"), "").refused(nil)
	u.overWire("GET /v1/n%6Ftes", hosted("/v1/n%6Ftes", "api"), "").is(200)
	u.overWire("GET /v1/notes", hosted("/v1/n%6Ftes", "api"), "").refused(nil)
}

func TestABodyThatIsNotTheSignedOneIsRefusedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	note := u.has(find("note"), "")
	one := "/v1/notes/" + note.UID
	change := u.call("POST", "/v1/notes", `{"title":"other"}`).is(201).header.Get("X-Change-Id")
	rows := [][3]string{
		{"POST", "/v1/notes", `{"title":"Milk"}`}, {"PUT", one, `{"title":"Milk"}`}, {"PATCH", one, `{"title":"Milk"}`},
		{"POST", one + "/process", `{"action":"pin"}`}, {"POST", one + "/edit", `{"field":"content","append":"x"}`},
		{"POST", one + "/tags", `{"add":["x"]}`}, {"POST", one + "/restore", `{"version":1}`}, {"POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`},
		{"POST", "/v1/sync/notes/push", `{"items":[]}`}, {"POST", "/v1/undo", `{"change_id":"` + change + `"}`},
		{"POST", "/v1/batch", `{"operations":[{"op":"create","kind":"note","payload":{}}]}`},
		// These have no use for a body.
		{"DELETE", one, `{}`}, {"POST", one + "/archive", `{}`}, {"GET", one, `{}`}, {"GET", "/v1/notes", `{}`}, {"GET", "/v1/sync/state", "x"},
		{"GET", "/v1/sync/notes/pull", `{}`}, {"POST", "/v1/sync/sessions", `{}`}, {"DELETE", "/v1/sync/sessions/" + u.opens(), `{}`},
	}
	for _, row := range rows {
		for what, sent := range map[string]string{"changed": flipped(row[2]), "longer": row[2] + " ", "shorter": row[2][:len(row[2])-1], "gone": ""} {
			for _, got := range []answer{
				u.send(row[0], row[1], sent, u.signed(row[0], row[1], row[2])),
				u.sendChunked(row[0], row[1], sent, u.signed(row[0], row[1], row[2])),
			} {
				if got.status != 401 || got.detail("reason") != "digest" {
					t.Errorf("%s, a body that is %s: %d %s", got.request, what, got.status, got.body)
				}
			}
		}
		u.send(row[0], row[1], row[2], u.signed(row[0], row[1], "")).refused("digest")
		u.sendChunked(row[0], row[1], row[2], u.signed(row[0], row[1], "")).refused("digest")
	}
	if got := u.call("GET", one, "").is(200).item(); got.Version != 1 {
		t.Errorf("version %d: something was written", got.Version)
	}
	for _, row := range [][3]string{{"GET", one, `{}`}, {"POST", one + "/archive", `{}`}, {"POST", "/v1/notes", `{"title":"Milk"}`}} {
		if got := u.sendChunked(row[0], row[1], row[2], u.signed(row[0], row[1], row[2])); got.status >= 300 {
			t.Errorf("%s: %d %s", got.request, got.status, got.body)
		}
	}
}

// sendChunked sends a body without saying how long it is.
func (p *process) sendChunked(method, target, body string, h http.Header) answer {
	p.t.Helper()
	h = h.Clone()
	h.Set("Host", "api")
	h.Set("Transfer-Encoding", "chunked")
	chunk := ""
	if body != "" {
		chunk = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	}
	return p.overWire(method+" "+target, h, chunk+"0\r\n\r\n")
}

func TestABodyOfARouteThatHasNoUseForOneHasTheSameLimit(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	large := strings.Repeat(" ", 1<<20+1)
	u.call("GET", "/v1/notes", large).fails(413, "body_too_large")
	u.call("GET", "/v1/notes", large[1:]).is(200)
	u.sendChunked("GET", "/v1/notes", large, u.signed("GET", "/v1/notes", large)).fails(413, "body_too_large")
	// It is not read before the signature is known to be right.
	got := u.announced(u.url, "GET /v1/notes", header{"Content-Length": {"1000"}, "Expect": {"100-continue"}, "X-Tb-Signature": {"0"}})
	got.fails(401, "invalid_tenant")
}

func TestADigestMayStandBesideOthers(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	sum := sha256.Sum256([]byte("{}"))
	good := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	for digest, reason := range map[string]any{
		good: nil, "sha-512=:AAAA:, " + good: nil, good + ", " + good: "digest", "sha-512=:AAAA:": "digest", "sha-256=abc": "digest", "": "digest",
	} {
		h := u.bare()
		h["Content-Digest"] = []string{digest}
		h.Set(auth.HeaderTenant, tenantID)
		u.signer().SignCovering("POST", "/v1/notes", h, slices.Concat(auth.Always, []string{"authorization", "x-sync-session", "content-digest"})...)
		if got := u.send("POST", "/v1/notes", "{}", h); reason == nil {
			got.is(201)
		} else {
			got.refused(reason)
		}
	}
}

func TestTheOperatorsRequestIsSignedAsAWhole(t *testing.T) {
	t.Parallel()
	p := start(t)
	const target = "/v1/operator/journal?limit=5"
	signed := func() http.Header {
		h := http.Header{}
		p.signer().Sign("GET", target, h, "")
		return h
	}
	h := signed()
	p.send("GET", target, "", h).is(200)
	p.send("GET", target, "", h).refused("replay")
	p.send("GET", "/v1/operator/journal?limit=6", "", signed()).refused(nil)
	p.send("GET", target, "{}", signed()).refused("digest")
	if told := p.twin().send("GET", target, "", signed()).refused("process").header.Get("X-TB-Process"); told == "" || told == p.gate.Process() {
		t.Errorf("told to sign for %q", told)
	}
}

func TestTheLogAndTheMetricsSayWhyASignatureWasRefused(t *testing.T) {
	t.Parallel()
	p := start(t)
	u := p.user("alice")
	u.call("GET", "/v1/notes", "", unsigned)
	u.call("GET", "/v1/notes", "", set("Signature", "tb=:AAAA:"))
	u.call("GET", "/v1/notes", "", set("X-TB-Tenant-ID", "zeta"))
	h := u.signed("GET", "/v1/notes", "")
	for range 3 {
		u.send("GET", "/v1/notes", "", h)
	}
	found := p.scrape()
	for reason, want := range map[auth.Reason]float64{"absent": 0, "form": 2, "mac": 1, "replay": 2, "process": 0} {
		if n := found.sum("toolbridge_api_signature_refusals_total", "reason="+string(reason)); n != want {
			t.Errorf("%s: %v, want %v", reason, n, want)
		}
	}
	p.finish()
	reasons := map[string]int{}
	for line := range strings.Lines(p.log.String()) {
		var said struct{ Outcome, Reason string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		if (said.Outcome == "invalid_tenant") != (said.Reason != "") {
			t.Errorf("%s", line)
		}
		reasons[said.Reason]++
	}
	if reasons["form"] != 2 || reasons["mac"] != 1 || reasons["replay"] != 2 {
		t.Errorf("%v", reasons)
	}
	for name, values := range h {
		if name != "X-Sync-Session" && name != "X-Tb-Tenant-Id" && strings.Contains(p.log.String(), values[0]) {
			t.Errorf("%s is in the log", name)
		}
	}
}

func TestEveryHeaderThatTheAPIObeysIsCovered(t *testing.T) {
	t.Parallel()
	for _, item := range described(t).Paths.Map() {
		for _, operation := range item.Operations() {
			for _, parameter := range operation.Parameters {
				if given := parameter.Value; given.In == "header" && !slices.Contains(auth.Covered, strings.ToLower(given.Name)) {
					t.Errorf("%s is not covered by signatures", given.Name)
				}
			}
		}
	}
	for _, name := range []string{"X-TB-Client", "X-TB-Tool", "X-Debug-Sub", "Authorization", "Content-Digest"} {
		if !slices.Contains(auth.Covered, strings.ToLower(name)) {
			t.Errorf("%s is not covered by signatures", name)
		}
	}
}

func TestWhereSignaturesAreOffATokenIsEnoughForAUserAndNotForTheOperatorsRoute(t *testing.T) {
	t.Parallel()
	p := start(t, func(api *httpapi.API) { api.Unsigned = true })
	alice := p.user("alice")
	alice.call("POST", "/v1/notes", `{"title":"a"}`, unsigned, header{"Signature-Input": nil}).is(201)
	alice.call("GET", "/v1/notes", "", set("X-TB-Signature", "wrong")).is(200)
	alice.call("GET", "/v1/notes", "", unsigned, header{"Authorization": nil}).fails(401, "unauthorized")
	p.operator("", unsigned).fails(401, "invalid_tenant")
}
