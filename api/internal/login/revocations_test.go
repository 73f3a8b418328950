package login_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

// tables are all of login, with their columns.
var tables = map[string]string{
	"login_account":    "tenant, id, name, folded, shown, subject, password, disabled, created_ms, password_ms, signed_in_ms, failures, locked_ms",
	"login_browser":    "tenant, account, hash",
	"login_link":       "tenant, account, purpose, hash",
	"login_session":    "tenant, hash, account",
	"login_code":       "tenant, hash, account, client_id, client_name, client_host, redirect_uri, challenge, scopes, resource, family",
	"login_family":     "tenant, id, account, client_id, client_name, client_host, scopes, resource, token",
	"login_refresh":    "tenant, family, hash",
	"login_service":    "tenant, id, name, folded, hash, scopes",
	"login_key":        "tenant, id, jwk, sealed",
	"login_secret":     "tenant, name, value",
	"login_revocation": "tenant, kind, value",
}

// dump is all that the tables of login have, as text and in hexadecimal.
func (p *process) dump() string {
	p.t.Helper()
	var text strings.Builder
	err := p.store.ReadLogin(p.t.Context(), func(tx login.Tx) error {
		for table, columns := range tables {
			names := strings.Split(columns, ", ")
			err := tx.Query(func(row login.Row) error {
				values, into := make([]any, len(names)), make([]any, len(names))
				for i := range values {
					into[i] = &values[i]
				}
				err := row.Scan(into...)
				for _, value := range values {
					if content, isBytes := value.([]byte); isBytes {
						fmt.Fprintf(&text, "%s %x ", content, content)
						continue
					}
					fmt.Fprintf(&text, "%v ", value)
				}
				fmt.Fprintln(&text, table)
				return err
			}, "SELECT "+columns+" FROM "+table)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return text.String()
}

func TestNoTableHasASecret(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		code, unused := ann.code(), ann.code()
		first := must(p.redeem(code))(t)
		second := must(p.refresh(first.RefreshToken))(t)
		third := must(p.refresh(second.RefreshToken))(t)
		service := must(p.AddService(t.Context(), login.AddService{Name: "backup", Scopes: []string{"read"}}))(t)
		must(p.serviceToken(service.Service.ID, service.Secret))(t)
		must(p.RevokeService(t.Context(), login.OfID{ID: service.Service.ID}))(t)
		dump := p.dump()
		for table := range tables {
			if !strings.Contains(dump, table) && table != "login_browser" && table != "login_link" {
				t.Errorf("nothing of %s was looked at", table)
			}
		}
		for name, secret := range map[string]string{
			"session": ann.session, "code": code, "unused code": unused, "service": service.Secret, "tenant": tenantSecret,
			"refresh 1": first.RefreshToken, "refresh 2": second.RefreshToken, "refresh 3": third.RefreshToken,
			"access 1": first.AccessToken, "access 2": second.AccessToken, "access 3": third.AccessToken,
		} {
			bare := secret
			if strings.HasPrefix(secret, "tb") {
				bare = secret[len("tbs_"):]
			}
			for _, form := range []string{secret, bare, hex.EncodeToString([]byte(secret))} {
				if strings.Contains(dump, form) {
					t.Errorf("the %s is stored", name)
				}
			}
		}
		// PKCS #8 of a key on P-256 has this at its beginning.
		if strings.Contains(dump, "06082a8648ce3d030107") {
			t.Error("a private key is stored")
		}
	})
}

func TestWhatOneProcessRevokesAnotherOneRefusesWithinTwoSeconds(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		keeping, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { twin.Keep(keeping) })
		defer running.Wait()
		defer stop()
		ann := p.person("ann")
		tokens, other := ann.connect(), ann.connect()
		service := must(p.AddService(t.Context(), login.AddService{Name: "backup", Scopes: []string{"read"}}))(t)
		ofService := must(p.serviceToken(service.Service.ID, service.Secret))(t)
		for _, token := range []login.Tokens{tokens, other, ofService} {
			twin.mustAccept(token.AccessToken, token.Subject)
		}
		began := time.Now()
		for _, connection := range ann.connections() {
			if err := p.EndConnection(t.Context(), login.EndConnection{Session: ann.session, ID: connection.ID}); err != nil {
				t.Fatal(err)
			}
		}
		must(p.RevokeService(t.Context(), login.OfID{ID: service.Service.ID}))(t)
		for _, token := range []login.Tokens{tokens, other, ofService} {
			p.mustRefuse(token.AccessToken)
			for {
				if subject, _ := twin.accepts(token.AccessToken); subject == "" {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("refused after %v", took)
		}
		if state := must(twin.State())(t); len(state.Revoked) != 3 || state.Accounts != 1 {
			t.Errorf("the gateway is told %v", state.Revoked)
		}
	})
}

func TestARevocationIsKeptAsLongAsItsTokensLast(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		tokens := ann.connect()
		p.clock.advance(10 * time.Minute)
		end := login.EndConnection{Session: ann.session, ID: ann.connections()[0].ID}
		if err := p.EndConnection(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		state := must(p.State())(t)
		if len(state.Revoked) != 1 || state.Revoked[0].SID != end.ID || state.Revoked[0].Until != p.clock.now().Add(20*time.Minute).Unix() {
			t.Errorf("revoked %v", state.Revoked)
		}
		p.clock.advance(20*time.Minute - time.Second)
		p.purge()
		p.look()
		p.mustRefuse(tokens.AccessToken)
		p.clock.advance(time.Second)
		if state := must(p.State())(t); len(state.Revoked) != 0 {
			t.Errorf("revoked %v", state.Revoked)
		}
		p.purge()
		if count := p.count(`SELECT COUNT(*) FROM login_revocation`); count != 0 {
			t.Errorf("%d revocations are kept", count)
		}
		// Nothing that is over is kept.
		ann.code()
		ann.connect()
		p.clock.advance(31 * 24 * time.Hour)
		p.purge()
		for _, table := range []string{"login_code", "login_family", "login_refresh", "login_revocation"} {
			if count := p.count(`SELECT COUNT(*) FROM ` + table); count != 0 {
				t.Errorf("%s has %d rows", table, count)
			}
		}
	})
}

// counted counts what looks ask of a store.
type counted struct {
	store
	mu         sync.Mutex
	statements []string
}

func (c *counted) ReadLogin(ctx context.Context, do func(login.Tx) error) error {
	return c.store.ReadLogin(ctx, func(tx login.Tx) error { return do(countedTx{tx, c}) })
}

func (c *counted) EndLogin(ctx context.Context, do func(login.Tx) error) error {
	c.note("a write")
	return c.store.EndLogin(ctx, do)
}

func (c *counted) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, text)
}

type countedTx struct {
	login.Tx
	counted *counted
}

func (c countedTx) QueryRow(text string, arguments ...any) login.Row {
	c.counted.note(text)
	return c.Tx.QueryRow(text, arguments...)
}

func (c countedTx) Query(each func(login.Row) error, text string, arguments ...any) error {
	c.counted.note(text)
	return c.Tx.Query(each, text, arguments...)
}

func TestALookIsOneStatementWhenNothingHasChanged(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		counting := &counted{store: must(shared.open(t.Context()))(t)}
		t.Cleanup(func() { _ = counting.Close() })
		p := startOn(t, shared, counting, newClock(), keyring.OfSecret(tenantSecret))
		tokens := p.person("ann").connect()
		p.look()
		counting.statements = nil
		for range 100 {
			p.clock.advance(time.Second)
			p.look()
		}
		if len(counting.statements) != 100 {
			t.Errorf("100 looks made %d statements: %q", len(counting.statements), counting.statements[:3])
		}
		began := time.Now()
		for range 1000 {
			p.mustAccept(tokens.AccessToken, "u_ann")
			must(p.State())(t)
		}
		t.Logf("a verification and a state: %v", time.Since(began)/1000)
		if len(counting.statements) != 100 {
			t.Error("the store is asked for a token")
		}
	})
}

func TestLogsHaveNoSecret(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		code := ann.code()
		first := must(p.redeem(code))(t)
		_, _ = p.redeem(code)
		stolen := ann.connect()
		must(p.refresh(stolen.RefreshToken))(t)
		p.clock.advance(time.Hour)
		_, _ = p.refresh(stolen.RefreshToken)
		for _, secret := range []string{code, first.AccessToken, first.RefreshToken, stolen.AccessToken, stolen.RefreshToken, ann.session} {
			if bytes.Contains([]byte(p.log.String()), []byte(secret[:12])) {
				t.Errorf("logged %s", p.log)
			}
		}
	})
}
