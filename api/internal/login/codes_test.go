package login_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

func TestACodeConnectsItsClientOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		code := ann.code()
		read := must(p.ReadCode(t.Context(), login.ReadCode{Code: code}))(t)
		want := login.CodeRead{
			ClientID: clientID, RedirectURI: "http://127.0.0.1/callback", RedirectURIGiven: true, Challenge: challenge,
			Scopes: []string{"read", "write"}, Resource: audience, Subject: ann.subject, ExpiresAt: p.clock.now().Add(time.Minute).Unix(),
		}
		if fmt.Sprint(read) != fmt.Sprint(want) {
			t.Errorf("read %v, want %v", read, want)
		}
		tokens := must(p.redeem(code))(t)
		if subject, rights := p.accepts(tokens.AccessToken); subject != ann.subject || rights != auth.AllRights {
			t.Errorf("accepted for %q with %v", subject, rights)
		}
		if tokens.ExpiresIn != 1800 || tokens.Subject != ann.subject || !strings.HasPrefix(tokens.RefreshToken, "tbr_") {
			t.Errorf("got %v", tokens)
		}
		if _, err := p.redeem(code); err == nil {
			t.Error("redeemed twice")
		} else {
			is(t, err, fault.LoginUnknown)
		}
		p.mustRefuse(tokens.AccessToken)
		_, err := p.refresh(tokens.RefreshToken)
		is(t, err, fault.LoginUnknown)
		if !strings.Contains(p.log.String(), "was sent twice") || !strings.Contains(p.log.String(), "shown u_ann") {
			t.Errorf("logged %s", p.log)
		}
	})
}

func TestReadingAUsedCodeEndsWhatCameOfIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		code := ann.code()
		tokens, other := must(p.redeem(code))(t), ann.connect()
		p.clock.advance(30 * time.Minute) // long after its time
		_, err := p.ReadCode(t.Context(), login.ReadCode{Code: code})
		is(t, err, fault.LoginUnknown)
		_, err = p.refresh(tokens.RefreshToken)
		is(t, err, fault.LoginUnknown)
		must(p.refresh(other.RefreshToken))(t)
	})
}

func TestACodeIsRefusedElsewhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann := p.person("ann")
		code := ann.code()
		_, err := p.RedeemCode(t.Context(), login.RedeemCode{Code: code, ClientID: "https://evil.example", Wanted: wanted})
		is(t, err, fault.LoginUnknown)
		for _, wrong := range []string{"", "tbc_", code + "A", strings.ToUpper(code)} {
			_, err := p.redeem(wrong)
			is(t, err, fault.LoginUnknown)
		}
		must(p.redeem(code))(t) // its own client was not hurt

		late := ann.code()
		p.clock.advance(time.Minute - time.Millisecond)
		must(p.ReadCode(t.Context(), login.ReadCode{Code: late}))(t)
		p.clock.advance(time.Millisecond)
		_, err = p.ReadCode(t.Context(), login.ReadCode{Code: late})
		is(t, err, fault.LoginUnknown)
		_, err = p.redeem(late)
		is(t, err, fault.LoginUnknown)
	})
}

func TestOfTwoWhoRedeemACodeAtOnceNoneKeepsWhatCameOfIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		twin := p.twin()
		ann := p.person("ann")
		for range 10 {
			code := ann.code()
			var mu sync.Mutex
			var good []login.Tokens
			var redeeming sync.WaitGroup
			for _, at := range []*process{p, twin, p, twin} {
				redeeming.Go(func() {
					if tokens, err := at.redeem(code); err == nil {
						mu.Lock()
						good = append(good, tokens)
						mu.Unlock()
					}
				})
			}
			redeeming.Wait()
			if len(good) != 1 {
				t.Fatalf("redeemed %d times", len(good))
			}
			_, err := p.refresh(good[0].RefreshToken)
			is(t, err, fault.LoginUnknown)
		}
	})
}

func TestCodesAreBoundedAndChecked(t *testing.T) {
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		ann, bob := p.person("ann"), p.person("bob")
		for range 20 {
			ann.code()
		}
		_, err := p.IssueCode(t.Context(), ann.issue())
		is(t, err, fault.LoginFull)
		bob.connect()
		p.clock.advance(time.Minute)
		ann.connect()

		for name, change := range map[string]func(*login.IssueCode){
			"no client":         func(in *login.IssueCode) { in.Client.ID = "" },
			"a long client":     func(in *login.IssueCode) { in.Client.ID = strings.Repeat("x", 8193) },
			"no challenge":      func(in *login.IssueCode) { in.Challenge = "" },
			"a plain challenge": func(in *login.IssueCode) { in.Challenge = "short" },
			"no scope":          func(in *login.IssueCode) { in.Scopes = nil },
			"another scope":     func(in *login.IssueCode) { in.Scopes = []string{"read", "admin"} },
			"a scope twice":     func(in *login.IssueCode) { in.Scopes = []string{"read", "read"} },
			"no redirect":       func(in *login.IssueCode) { in.RedirectURI = "" },
			"NUL":               func(in *login.IssueCode) { in.Client.Name = "a\x00b" },
		} {
			in := bob.issue()
			change(&in)
			if _, err := p.IssueCode(t.Context(), in); err == nil {
				t.Errorf("%s: issued", name)
			} else {
				is(t, err, fault.InvalidField)
			}
		}
		in := bob.issue()
		in.Session = "tbs_nobody"
		_, err = p.IssueCode(t.Context(), in)
		is(t, err, fault.LoginUnknown)
		for _, wrong := range []login.Wanted{
			{issuer, audience, 59}, {issuer, audience, 3601}, {"", audience, 1800}, {issuer, "", 1800},
		} {
			_, err := p.RedeemCode(t.Context(), login.RedeemCode{Code: bob.code(), ClientID: clientID, Wanted: wrong})
			is(t, err, fault.InvalidField)
		}
	})
}
