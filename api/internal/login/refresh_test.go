package login_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

// TestTwoRefreshesAtOnceGetTheSame is what a client does that refreshes from two addresses.
func TestTwoRefreshesAtOnceGetTheSame(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		ann := p.person("ann")
		token := ann.connect().RefreshToken
		for range 10 {
			p.clock.advance(30 * time.Minute)
			var mu sync.Mutex
			var all []login.Tokens
			var refreshing sync.WaitGroup
			for _, at := range []*process{p, twin, p, twin} {
				refreshing.Go(func() {
					tokens, err := at.refresh(token)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					all = append(all, tokens)
				})
			}
			refreshing.Wait()
			for i, tokens := range all {
				if tokens.RefreshToken != all[0].RefreshToken || tokens.RefreshToken == token {
					t.Fatal("other refresh tokens")
				}
				if i > 0 && tokens.AccessToken == all[0].AccessToken {
					t.Error("the same access token")
				}
				p.mustAccept(tokens.AccessToken, ann.subject)
				twin.mustAccept(tokens.AccessToken, ann.subject)
			}
			token = all[0].RefreshToken
		}
	})
}

func TestAUsedRefreshTokenGetsTheSameForAMinute(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		first := ann.connect().RefreshToken
		next := must(p.refresh(first))(t)
		p.clock.advance(time.Minute - time.Millisecond)
		read := must(p.ReadRefresh(t.Context(), login.ReadRefresh{Token: first}))(t)
		if read.ClientID != clientID || read.Subject != ann.subject || !slices.Equal(read.Scopes, []string{"read", "write"}) || read.Resource != audience {
			t.Errorf("read %v", read)
		}
		again := must(p.twin().refresh(first))(t)
		if again.RefreshToken != next.RefreshToken {
			t.Error("another refresh token")
		}
		p.mustAccept(again.AccessToken, ann.subject)

		p.clock.advance(time.Millisecond)
		_, err := p.refresh(first)
		is(t, err, fault.LoginUnknown)
		if cause := new(login.Reused); !errors.As(err, &cause) {
			t.Errorf("refused because of %v", errors.Unwrap(err))
		}
		for _, token := range []string{first, next.RefreshToken} {
			_, err := p.refresh(token)
			is(t, err, fault.LoginUnknown)
		}
		p.mustRefuse(next.AccessToken)
		p.mustRefuse(again.AccessToken)
		if lines := ann.lines(); lines[len(lines)-1] != "refresh_reused" {
			t.Errorf("the journal has %v", lines)
		}
		if said := p.log.String(); !strings.Contains(said, "may be stolen") || !strings.Contains(said, "shown u_ann") {
			t.Errorf("logged %s", said)
		}
	})
}

// lines are the changes in the journal of a person.
func (p person) lines() (names []string) {
	p.t.Helper()
	found, err := p.store.Journal(p.t.Context(), item.LineQuery{
		Owner: account.Owner{Tenant: tenant, User: account.UserID(tenant, p.subject)}, Limit: 1000, Whole: true,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, line := range found.Lines {
		names = append(names, string(line.Name))
		if line.By != p.subject {
			p.t.Errorf("a line by %q", line.By)
		}
	}
	return names
}

func TestReadingAStaleRefreshTokenEndsItsConnection(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		first, other := ann.connect().RefreshToken, ann.connect().RefreshToken
		token := first
		for range 5 { // so that nothing is known any more of the first
			p.clock.advance(2 * time.Minute)
			token = must(p.refresh(token))(t).RefreshToken
		}
		_, err := p.ReadRefresh(t.Context(), login.ReadRefresh{Token: first})
		is(t, err, fault.LoginUnknown)
		_, err = p.refresh(token)
		is(t, err, fault.LoginUnknown)
		must(p.refresh(other))(t)
	})
}

// TestAnOldTokenGetsTheNewestOne is for a client that refreshes twice within a minute, and
// once more with the token of the beginning.
func TestAnOldTokenGetsTheNewestOne(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		first := p.person("ann").connect().RefreshToken
		second := must(p.refresh(first))(t).RefreshToken
		third := must(p.refresh(second))(t).RefreshToken
		if got := must(p.refresh(first))(t).RefreshToken; got != third {
			t.Error("not the newest one")
		}
		p.clock.advance(time.Hour)
		must(p.refresh(third))(t)
	})
}

func TestRefreshesOfAConnectionAreBounded(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		first := p.person("ann").connect().RefreshToken
		token := first
		for range 20 {
			token = must(p.refresh(token))(t).RefreshToken
		}
		_, err := p.refresh(token)
		is(t, err, fault.RateLimited)
		if wait := new(login.Wait); !errors.As(err, &wait) || wait.For != time.Minute {
			t.Errorf("told to wait %v", wait)
		}
		if got := must(p.refresh(first))(t).RefreshToken; got != token {
			t.Error("not the newest one")
		}
		if count := p.count(`SELECT COUNT(*) FROM login_refresh`); count != 20 {
			t.Errorf("%d used tokens", count)
		}
		p.clock.advance(time.Minute)
		must(p.refresh(token))(t)
		if count := p.count(`SELECT COUNT(*) FROM login_refresh`); count != 1 {
			t.Errorf("%d used tokens", count)
		}
	})
}

func TestScopesOnlyShrink(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		token := ann.connect("read", "write").RefreshToken
		less := must(p.refresh(token, "read"))(t)
		if _, rights := p.accepts(less.AccessToken); rights != auth.Read || !slices.Equal(less.Scopes, []string{"read"}) {
			t.Errorf("%v, %v", rights, less.Scopes)
		}
		// The refresh token keeps what was granted (RFC 6749, section 6).
		all := must(p.refresh(less.RefreshToken))(t)
		if _, rights := p.accepts(all.AccessToken); rights != auth.AllRights {
			t.Error(rights)
		}
		reader := ann.connect("read")
		for _, more := range [][]string{{"write"}, {"read", "write"}, {"admin"}, {"read", "admin"}, {""}} {
			_, err := p.refresh(reader.RefreshToken, more...)
			is(t, err, fault.InvalidField)
		}
		got := must(p.refresh(reader.RefreshToken))(t)
		if _, rights := p.accepts(got.AccessToken); rights != auth.Read {
			t.Error(rights)
		}
	})
}

func TestARefreshTokenIsItsClientsForItsTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		token := ann.connect().RefreshToken
		_, err := p.RedeemRefresh(t.Context(), login.RedeemRefresh{Token: token, ClientID: "https://evil.example", Wanted: wanted})
		is(t, err, fault.LoginUnknown)
		for _, wrong := range []string{"", "tbr_", "tbr_AAAA", token[:len(token)-1], token + "A", "tbc_" + token[4:], strings.Replace(token, "tbr_", "TBR_", 1)} {
			_, err := p.refresh(wrong)
			is(t, err, fault.LoginUnknown)
		}
		// Used every 29 days, it lasts for 180 days.
		for range 6 {
			p.clock.advance(29 * 24 * time.Hour)
			token = must(p.refresh(token))(t).RefreshToken
		}
		p.clock.advance(6*24*time.Hour - time.Millisecond)
		token = must(p.refresh(token))(t).RefreshToken
		p.clock.advance(time.Millisecond)
		_, err = p.refresh(token)
		is(t, err, fault.LoginUnknown)
		// Not used, it lasts for 30.
		token = ann.connect().RefreshToken
		p.clock.advance(30*24*time.Hour - time.Millisecond)
		must(p.ReadRefresh(t.Context(), login.ReadRefresh{Token: token}))(t)
		p.clock.advance(time.Millisecond)
		_, err = p.refresh(token)
		is(t, err, fault.LoginUnknown)
	})
}

func TestADisabledAccountGetsNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		tokens, code := ann.connect(), ann.code()
		p.write(`UPDATE login_account SET disabled = 1 WHERE id = ?`, ann.id)
		_, err := p.redeem(code)
		is(t, err, fault.LoginUnknown)
		_, err = p.ReadCode(t.Context(), login.ReadCode{Code: code})
		is(t, err, fault.LoginUnknown)
		_, err = p.refresh(tokens.RefreshToken)
		is(t, err, fault.LoginUnknown)
		_, err = p.ReadRefresh(t.Context(), login.ReadRefresh{Token: tokens.RefreshToken})
		is(t, err, fault.LoginUnknown)
		_, err = p.IssueCode(t.Context(), ann.issue())
		is(t, err, fault.LoginUnknown)
		_, err = p.ListConnections(t.Context(), login.OfSession{Session: ann.session})
		is(t, err, fault.LoginUnknown)
	})
}

// TestAMadeUpTokenEndsNothing is about whoever knows the id of a connection, which each of its
// access tokens names.
func TestAMadeUpTokenEndsNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		token := p.person("ann").connect().RefreshToken
		p.clock.advance(2 * time.Minute)
		content, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "tbr_"))
		for place := range content {
			madeUp := slices.Clone(content)
			madeUp[place] ^= 1
			text := "tbr_" + base64.RawURLEncoding.EncodeToString(madeUp)
			_, err := p.ReadRefresh(t.Context(), login.ReadRefresh{Token: text})
			is(t, err, fault.LoginUnknown)
			_, err = p.refresh(text)
			is(t, err, fault.LoginUnknown)
		}
		must(p.refresh(token))(t)
	})
}
