package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/auth/authtest"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/limit"
	"toolbridge/api/internal/telemetry"
)

const (
	tokenSecret  = "token-secret-0123456789abcdef0123456789"
	tenantSecret = "tenant-secret-0123456789abcdef012345678"
	tenantID     = "acme"
	nilUID       = "00000000-0000-0000-0000-000000000000"
	someUID      = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
)

// scopes are those of a secret's tokens: one that names none allows everything.
var scopes = auth.Scopes{Read: "read", Write: "write"}

// plenty is a limit that no test meets by chance.
var plenty = limit.Rate{PerMinute: 1e9, Burst: 1e9}

// clock is the time of a test. It moves only when the test advances or sets it.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	elapsed time.Duration // which no setting changes
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.elapsed = c.now.Add(d), c.elapsed+d
}

// set is what somebody does who changes the time of the machine.
func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// process is one running API. Several may share a database and a clock.
type process struct {
	t      *testing.T
	shared database
	clock  *clock
	log    *lockedBuffer
	url    string
	gate   *auth.Gate

	handler http.Handler
	finish  func() // takes no more requests, and waits until all are noted, which is after their responses
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, options ...func(*httpapi.API)) *process {
	t.Helper()
	return startOn(t, onSQLite(t), newClock(), options...)
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 20, 6, 15, 34, 40e6, time.UTC)} }

// twin is another process on the same database, as after a restart.
func (p *process) twin(options ...func(*httpapi.API)) *process {
	return startOn(p.t, p.shared, p.clock, options...)
}

func startOn(t *testing.T, shared database, clock *clock, options ...func(*httpapi.API)) *process {
	t.Helper()
	store, err := shared.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	api := &httpapi.API{
		Items:          &item.Service{Store: store, Now: clock.Now, MaxItemBytes: 1 << 20, MaxPushItems: 100, MaxString: 1 << 20, KeepAnswers: 24 * time.Hour},
		Accounts:       &account.Service{Store: store, Prover: account.NewProver(keyring.OfSecret(tenantSecret), clock.Now), Now: clock.Now},
		Tokens:         auth.NewTokens(keyring.OfSecret(tokenSecret), auth.Demands{Scopes: scopes}, clock.Now),
		Tenant:         newGate(clock),
		Limits:         httpapi.NewLimits(plenty, plenty, plenty),
		Metrics:        telemetry.NewMetrics("1.2.3"),
		Sizes:          store.Sizes,
		Ready:          store.Ready,
		Newest:         store.Newest,
		ShownSubject:   func(subject string) string { return subject },
		Log:            slog.New(slog.NewJSONHandler(log, nil)),
		Now:            clock.Now,
		MaxBodyBytes:   1 << 20,
		HistoryDays:    30,
		AuditDays:      365,
		InBandSessions: true,
	}
	for _, option := range options {
		option(api)
	}
	handler := api.Handler()
	server := httptest.NewUnstartedServer(handler)
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	t.Cleanup(func() {
		server.Close()
		_ = store.Close()
	})
	return &process{t: t, shared: shared, clock: clock, log: log, url: server.URL, gate: api.Tenant, handler: handler, finish: server.Close}
}

// newGate takes both versions of a signature, under one secret.
func newGate(clock *clock) *auth.Gate {
	return &auth.Gate{ID: tenantID, Keys: keyring.OfSecret(tenantSecret), Versions: []string{auth.V1, auth.V2}, Now: clock.Now, Elapsed: clock.Elapsed}
}

// header changes the headers of a request; an empty list removes one.
type header map[string][]string

// unsigned takes the signature away, of whichever version.
var unsigned = header{"X-TB-Signature": nil, "Signature": nil}

func set(name, value string) header { return header{name: {value}} }
func unset(name string) header      { return header{name: nil} }

// user is somebody with a token, who opens a session in-band for each call
// unless told otherwise. Each call is signed in version 2, unless the user signs in version 1.
type user struct {
	*process
	sub     string
	version string
}

func (p *process) user(sub string) user { return user{p, sub, auth.V2} }

// within is the same user, reporting to a subtest.
func (u user) within(t *testing.T) user {
	p := *u.process
	p.t = t
	u.process = &p
	return u
}

// on is the same user at another process.
func (u user) on(p *process) user {
	u.process = p
	return u
}

// signing is the same user, whose gateway signs in another version.
func (u user) signing(version string) user {
	u.version = version
	return u
}

func token(claims jwt.MapClaims) string {
	return signedToken(jwt.SigningMethodHS256, claims, []byte(tokenSecret))
}

func signedToken(method jwt.SigningMethod, claims jwt.MapClaims, key any) string {
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// headers are good for any request: they are signed in version 1.
func (u user) headers() http.Header {
	timestamp := strconv.FormatInt(u.clock.Now().UnixMilli(), 10)
	h := u.bare()
	h.Set("X-TB-Tenant-ID", tenantID)
	h.Set("X-TB-Timestamp", timestamp)
	h.Set("X-TB-Signature", auth.Sign(tenantSecret, tenantID, timestamp))
	return h
}

func (u user) bare() http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer "+token(jwt.MapClaims{"sub": u.sub, "exp": u.clock.Now().Add(time.Hour).Unix()}))
	h.Set("X-Sync-Session", "new")
	return h
}

// signer signs requests to this process in version 2.
func (p *process) signer() authtest.Signer {
	return authtest.Signer{Tenant: tenantID, KeyID: authtest.KeyID, Secret: tenantSecret, Process: p.gate.Process(), Now: p.clock.Now()}
}

// answer is a whole HTTP answer.
type answer struct {
	t       *testing.T
	request string
	status  int
	header  http.Header
	body    []byte
}

func (u user) call(method, path, body string, changes ...header) answer {
	u.t.Helper()
	h := u.headers()
	if u.version == auth.V2 {
		h = u.bare()
	}
	apply(h, changes, func(string) bool { return true })
	if u.version == auth.V2 {
		u.signer().Sign(method, targetOf(path), h, body)
		apply(h, changes, func(name string) bool { return slices.Contains(ofSigner, name) })
	}
	return u.send(method, path, body, h)
}

// ofSigner are the headers that a signer in version 2 sets itself.
var ofSigner = []string{"X-TB-Tenant-ID", "Content-Digest", "Signature-Input", "Signature"}

// apply makes those changes whose headers are wanted.
func apply(h http.Header, changes []header, wanted func(name string) bool) {
	for _, change := range changes {
		for name, values := range change {
			if !wanted(name) {
				continue
			}
			h.Del(name)
			for _, value := range values {
				h.Add(name, value)
			}
		}
	}
}

// targetOf is what a client sends as the target of a request for a path with its query.
func targetOf(path string) string {
	parsed, err := url.Parse("http://api" + path)
	if err != nil {
		panic(err)
	}
	return parsed.RequestURI()
}

func (p *process) send(method, path, body string, h http.Header) answer {
	p.t.Helper()
	request, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	maps.Copy(request.Header, h)
	response, err := http.DefaultTransport.RoundTrip(request) // follows no redirect
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	whole := answer{p.t, method + " " + path, response.StatusCode, response.Header, got}
	checkDocumented(p.t, method, path, whole)
	return whole
}

// is stops the test unless the answer has the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %.500s", a.request, a.status, status, a.body)
	}
	return a
}

// fails checks the status, the code and the one error shape.
func (a answer) fails(status int, code string) answer {
	a.t.Helper()
	a.is(status)
	shape := a.json()
	if shape["code"] != code || shape["error"] == "" || shape["correlation_id"] != a.header.Get("X-Correlation-ID") ||
		a.header.Get("Content-Type") != "application/json" {
		a.t.Errorf("%s: %s %s, want code %s", a.request, a.header, a.body, code)
	}
	return a
}

// says checks the sentence of an error.
func (a answer) says(sentence string) answer {
	a.t.Helper()
	if got := a.json()["error"]; got != sentence {
		a.t.Errorf("%s: says %q, want %q", a.request, got, sentence)
	}
	return a
}

// detail is one of an error's details.
func (a answer) detail(name string) any {
	a.t.Helper()
	details, _ := a.json()["details"].(map[string]any)
	return details[name]
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var object map[string]any
	if err := json.Unmarshal(a.body, &object); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.request, err, a.body)
	}
	return object
}

// into reads the answer into a struct.
func (a answer) into(found any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, found); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.request, err, a.body)
	}
}

// itemJSON is an item as a client reads it.
type itemJSON struct {
	UID       string
	Version   int64
	UpdatedAt string
	DeletedAt string
	Payload   map[string]any
}

func (a answer) item() itemJSON {
	a.t.Helper()
	var found itemJSON
	a.into(&found)
	return found
}

// operation is one operation on items, as the contract has it.
type operation struct {
	Name, Method, Path string
	Conditional        bool
}

// operations are those of testdata/contract.json, by name.
func operations(t *testing.T) (all []operation) {
	t.Helper()
	text, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct{ Operations map[string]operation }
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(contract.Operations)) {
		found := contract.Operations[name]
		found.Name = name
		all = append(all, found)
	}
	return all
}

// methodsOf are the sorted methods of an entity's operations, by path.
func methodsOf(t *testing.T, e *entity.Entity) map[string][]string {
	t.Helper()
	methods := map[string][]string{}
	for _, operation := range operations(t) {
		path := strings.Replace(operation.Path, "{plural}", e.Segment, 1)
		methods[path] = append(methods[path], operation.Method)
		slices.Sort(methods[path])
	}
	return methods
}

// forEachEntity runs a test once for every row of the table.
func forEachEntity(t *testing.T, test func(t *testing.T, u user, e *entity.Entity)) {
	for _, e := range entity.Table {
		t.Run(string(e.Kind), func(t *testing.T) {
			t.Parallel()
			test(t, start(t).user("alice"), e)
		})
	}
}

// path is the URL of an entity's collection.
func path(e *entity.Entity) string { return "/v1/" + e.Segment }

// has creates an item with the given members (JSON, without braces) and what
// parent keys its entity demands.
func (u user) has(e *entity.Entity, members string) itemJSON {
	u.t.Helper()
	return u.call("POST", path(e), u.body(e, members)).is(http.StatusCreated).item()
}

// body is a complete payload, with a live parent where one is demanded.
func (u user) body(e *entity.Entity, members string) string {
	u.t.Helper()
	if e.Parent == nil {
		return "{" + members + "}"
	}
	keys := u.parentKeys(e, e.Parent.Kinds[0])
	if members != "" {
		keys += ","
	}
	return "{" + keys + members + "}"
}

// parentKeys names a fresh parent of the kind.
func (u user) parentKeys(e *entity.Entity, kind entity.Kind) string {
	u.t.Helper()
	return namedParent(e, kind, u.has(find(kind), "").UID)
}

func namedParent(e *entity.Entity, kind entity.Kind, uid string) string {
	keys := `"` + e.Parent.UIDKey + `":"` + uid + `"`
	if e.Parent.TypeKey != "" {
		keys += `,"` + e.Parent.TypeKey + `":"` + string(kind) + `"`
	}
	return keys
}

func find(kind entity.Kind) *entity.Entity {
	for _, e := range entity.Table {
		if e.Kind == kind {
			return e
		}
	}
	panic("no such kind: " + kind)
}
