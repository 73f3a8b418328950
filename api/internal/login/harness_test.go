package login_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/store/postgres"
	"toolbridge/api/internal/store/postgres/postgrestest"
	"toolbridge/api/internal/store/sqlite"
	"toolbridge/api/internal/store/sqlite/sqlitetest"
)

const (
	tenant       = "acme"
	tenantSecret = "tenant-secret-0123456789abcdef012345678"
	otherSecret  = "other-secret-0123456789abcdef0123456789"
	issuer       = "https://tools.example"
	audience     = "https://tools.example/mcp"
	challenge    = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	clientID     = "https://client.example/metadata.json"
)

type store interface {
	login.Store
	item.Store
	item.Archive
	Close() error
}

// database is what the processes of a test share.
type database struct {
	open func(ctx context.Context) (store, error)
}

func onSQLite(t testing.TB) database {
	t.Helper()
	path := sqlitetest.New(t)
	return database{open: func(ctx context.Context) (store, error) { return sqlite.Open(ctx, path) }}
}

// onBothStores runs a test on each kind of database.
func onBothStores(t *testing.T, test func(t *testing.T, shared database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		url := postgrestest.New(t)
		test(t, database{open: func(ctx context.Context) (store, error) { return postgres.Open(ctx, url, 8) }})
	})
}

// clock is the time of a test. It moves only when the test advances it.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 20, 6, 15, 34, 400e6, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// process is one running API.
type process struct {
	*login.Service
	t      testing.TB
	shared database
	clock  *clock
	store  store
	tokens *auth.Tokens
	log    *log
}

// start opens a process on a database. The ring is a tenant's list of keys, or its secret.
func start(t testing.TB, shared database, clock *clock, ring *keyring.Ring) *process {
	t.Helper()
	store, err := shared.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return startOn(t, shared, store, clock, ring)
}

// startOn is start on a store that is open.
func startOn(t testing.TB, shared database, store store, clock *clock, ring *keyring.Ring) *process {
	t.Helper()
	log := &log{}
	verifier := &auth.Login{}
	service := &login.Service{
		Store: store, Tenant: tenant, TenantKeys: ring, Verifier: verifier, Now: clock.now,
		Demands: login.Demands{ScopeRead: "read", ScopeWrite: "write"},
		Log:     slog.New(slog.NewJSONHandler(log, nil)),
		Shown:   func(subject string) string { return "shown " + subject },
	}
	if err := service.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	demands := auth.Demands{Issuer: issuer, Audience: audience, Scopes: auth.Scopes{Read: "read", Write: "write", Required: true}}
	return &process{service, t, shared, clock, store, auth.NewLoginTokens(verifier, nil, demands, clock.now), log}
}

// twin is another process on the same database.
func (p *process) twin() *process { return start(p.t, p.shared, p.clock, p.TenantKeys) }

// log is what a process has logged.
type log struct {
	mu   sync.Mutex
	text []byte
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// person is an account with a session.
type person struct {
	*process
	id, subject, session string
}

// person makes an account by its rows, so that no password has to be hashed.
func (p *process) person(name string) person {
	p.t.Helper()
	made := person{p, "a_" + name, "u_" + name, "tbs_" + rand.Text()}
	now := p.clock.now().UnixMilli()
	p.write(`INSERT INTO login_account (tenant, id, name, folded, shown, subject, password, disabled, created_ms, password_ms, signed_in_ms, failures, locked_ms)
		VALUES (?, ?, ?, ?, ?, ?, '', 0, ?, 0, 0, 0, 0)`, tenant, made.id, name, name, name, made.subject, now)
	hash := sha256.Sum256([]byte(made.session))
	p.write(`INSERT INTO login_session (tenant, hash, account, created_ms, used_ms, expires_ms, failures) VALUES (?, ?, ?, ?, ?, ?, 0)`,
		tenant, hash[:], made.id, now, now, now+(200*24*time.Hour).Milliseconds())
	return made
}

func (p *process) write(statement string, arguments ...any) {
	p.t.Helper()
	err := p.store.Login(p.t.Context(), func(tx login.Tx) error {
		_, err := tx.Exec(statement, arguments...)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) count(statement string, arguments ...any) (count int64) {
	p.t.Helper()
	err := p.store.ReadLogin(p.t.Context(), func(tx login.Tx) error { return tx.QueryRow(statement, arguments...).Scan(&count) })
	if err != nil {
		p.t.Fatal(err)
	}
	return count
}

var wanted = login.Wanted{Issuer: issuer, Audience: audience, Lifetime: 1800}

func (p person) issue(scopes ...string) login.IssueCode {
	if len(scopes) == 0 {
		scopes = []string{"read", "write"}
	}
	return login.IssueCode{
		Session: p.session, Client: login.Client{ID: clientID, Name: "A client", Host: "client.example"},
		RedirectURI: "http://127.0.0.1/callback", RedirectURIGiven: true, Challenge: challenge, Scopes: scopes, Resource: audience,
	}
}

func (p person) code(scopes ...string) string {
	p.t.Helper()
	return must(p.IssueCode(p.t.Context(), p.issue(scopes...)))(p.t).Code
}

// connect is the first tokens of a client.
func (p person) connect(scopes ...string) login.Tokens {
	p.t.Helper()
	return must(p.redeem(p.code(scopes...)))(p.t)
}

func (p *process) redeem(code string) (login.Tokens, error) {
	return p.RedeemCode(p.t.Context(), login.RedeemCode{Code: code, ClientID: clientID, Wanted: wanted})
}

func (p *process) refresh(token string, scopes ...string) (login.Tokens, error) {
	return p.RedeemRefresh(p.t.Context(), login.RedeemRefresh{Token: token, ClientID: clientID, Scopes: scopes, Wanted: wanted})
}

// accepts is who an access token is of, at this process; nobody's if it is refused.
func (p *process) accepts(token string) (subject string, rights auth.Rights) {
	identity, err := p.tokens.Identify(http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return "", 0
	}
	return identity.Subject, identity.Rights
}

func (p *process) mustAccept(token, subject string) {
	p.t.Helper()
	if got, _ := p.accepts(token); got != subject {
		p.t.Errorf("accepted for %q, want %q", got, subject)
	}
}

func (p *process) mustRefuse(token string) {
	p.t.Helper()
	if got, _ := p.accepts(token); got != "" {
		p.t.Errorf("accepted for %q", got)
	}
}

// must returns a value, or ends the test.
func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// is checks the code of an error.
func is(t testing.TB, err error, code fault.Code) {
	t.Helper()
	var failed *fault.Error
	if !errors.As(err, &failed) || failed.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func (p *process) purge() {
	p.t.Helper()
	if err := p.Purge(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// look is what a process does each second.
func (p *process) look() {
	p.t.Helper()
	if err := p.Look(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}
