package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnAccountIsAddedInvitedAndSignsIn(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		added := p.asks("accounts/add", fields{"name": "Ann@Example.com", "shown": "Ann Ash"}).is(200)
		id, token := added.text("account", "id"), added.text("link", "token")
		if state := added.text("account", "state"); state != "invited" || !strings.HasPrefix(token, "tbl_") || len(token) != 47 {
			t.Errorf("%s", added.body)
		}
		if subject := added.text("account", "subject"); !strings.HasPrefix(subject, "u_") || len(subject) != 24 {
			t.Errorf("subject %q", subject)
		}
		p.signsIn("ann@example.com", "").fails(403, "sign_in_refused")
		for range 2 { // reading uses nothing up
			read := p.asks("links/read", fields{"token": token}).is(200)
			if read.text("account", "id") != id || read.text("purpose") != "invitation" || read.member("expiresAt") != added.member("link", "expiresAt") {
				t.Errorf("%s", read.body)
			}
		}
		p.asks("links/redeem", fields{"token": token, "password": "short"}).fails(400, "weak_password").
			says("The password must have at least 12 characters.")
		begun := p.asks("links/redeem", fields{"token": token, "password": goodPassword, "address": "192.0.2.1"}).is(200)
		if begun.text("account", "state") != "active" || begun.member("account", "lastSignInAt") == nil || !strings.HasPrefix(begun.text("session"), "tbs_") {
			t.Errorf("%s", begun.body)
		}
		p.asks("links/read", fields{"token": token}).fails(404, "login_unknown")
		p.asks("links/redeem", fields{"token": token, "password": goodPassword}).fails(404, "login_unknown")
		read := p.asks("sessions/read", fields{"session": begun.text("session")}).is(200)
		if read.text("account", "id") != id || read.member("expiresAt").(float64)-read.member("createdAt").(float64) != 12*3600 {
			t.Errorf("%s", read.body)
		}
		again := p.signsIn("  ann@EXAMPLE.com"[2:], goodPassword).is(200)
		if again.text("session") == begun.text("session") || again.text("browser") == begun.text("browser") {
			t.Error("two sign-ins have the same secrets")
		}
		p.asks("sessions/end", fields{"session": again.text("session")}).is(200)
		p.asks("sessions/read", fields{"session": again.text("session")}).fails(404, "login_unknown")
		p.asks("sessions/read", fields{"session": begun.text("session")}).is(200)
	})
}

func TestNamesAreOneHoweverTheyAreSpelled(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	for name, others := range map[string][]string{
		"Jörg":           {"jo\u0308rg", "JÖRG", "ＪÖＲＧ"},
		"李雷":             {"李雷"},
		"ΣΊΣΥΦΟΣ":        {"σίσυφος"[:len("σίσυφος")-len("ς")] + "σ"},
		"ﬁnn":            {"FINN"},
		"O'Neil <b>&\" ": nil,
	} {
		added := p.asks("accounts/add", fields{"name": name})
		if strings.HasSuffix(name, " ") {
			added.fails(422, "invalid_field")
			continue
		}
		for _, other := range others {
			if found := p.asks("accounts/find", fields{"name": other}).is(200); found.text("account", "id") != added.text("account", "id") {
				t.Errorf("%q finds %s", other, found.body)
			}
			p.asks("accounts/add", fields{"name": other}).fails(409, "login_exists")
		}
	}
	for _, name := range []string{"", " a", "a\nb", "a\u202eb", strings.Repeat("x", 129), strings.Repeat("ﷺ", 128)} { // each of the last is 18 characters when it is folded
		p.asks("accounts/add", fields{"name": name}).fails(422, "invalid_field")
	}
	p.asks("accounts/add", fields{"name": strings.Repeat("李", 128)}).is(200)
	p.asks("accounts/add", fields{"name": "dev", "subject": "dev"}).is(200)
	p.asks("accounts/add", fields{"name": "other", "subject": "dev"}).fails(409, "login_exists")
	p.asks("accounts/add", fields{"name": "service", "subject": "service:x"}).fails(422, "invalid_field")
	p.asks("accounts/find", fields{"name": "nobody"}).fails(404, "login_unknown")
}

func TestAccountsAreListedInPages(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		for n := range 7 {
			p.asks("accounts/add", fields{"name": fmt.Sprintf("User%d", (n*3)%7)}).is(200)
		}
		var names []string
		for after, pages := "", 0; pages == 0 || after != ""; pages++ {
			page := p.asks("accounts/list", fields{"after": after, "limit": 3}).is(200)
			for _, one := range page.member("accounts").([]any) {
				names = append(names, one.(fields)["name"].(string))
			}
			after = page.text("next")
		}
		if got := strings.Join(names, " "); got != "User0 User1 User2 User3 User4 User5 User6" {
			t.Error(got)
		}
		if page := p.gateway().call("POST", "/v1/login/accounts/list", "", unset("Authorization")).is(200); len(page.member("accounts").([]any)) != 7 {
			t.Errorf("%s", page.body)
		}
		p.asks("accounts/list", fields{"limit": 501}).fails(422, "invalid_field")
	})
}

func TestWhateverIsWrongTheAnswerIsTheSame(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	p.joins("ann")
	off := p.joins("off")
	p.asks("accounts/disable", fields{"id": off.id}).is(200)
	p.asks("accounts/add", fields{"name": "new"}).is(200)
	want := ""
	for _, try := range [][2]string{{"ann", "wrong password"}, {"nobody", goodPassword}, {"off", goodPassword}, {"new", ""}, {"new", goodPassword}, {"", ""}} {
		got := p.signsIn(try[0], try[1]).fails(403, "sign_in_refused")
		answer := strings.ReplaceAll(string(got.body), got.header.Get("X-Correlation-ID"), "")
		if want == "" {
			want = answer
		}
		if answer != want {
			t.Errorf("%s: %s, want %s", try, answer, want)
		}
	}
}

func TestALockLooksTheSameWhetherThereIsAnAccountOrNot(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		p.joins("ann")
		address := 0
		try := func(name string) (int, string) {
			address++
			got := p.signsIn(name, "wrong password", fields{"address": fmt.Sprintf("198.51.100.%d", address%250)})
			return got.status, got.header.Get("Retry-After")
		}
		for n := range 15 {
			status, wait := try("ann")
			other, otherWait := try("nobody")
			if status != other || wait != otherWait || (status == 429) != (n >= 10) {
				t.Errorf("attempt %d: %d %q and %d %q", n, status, wait, other, otherWait)
			}
		}
	})
}

func TestWaitsDoubleAndASuccessEndsThem(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		for range 10 {
			p.signsIn("ann", "wrong password").fails(403, "sign_in_refused")
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			p.clock.advance(wait - time.Second)
			locked := p.signsIn("ann", goodPassword, fields{"address": ""}).fails(429, "rate_limited")
			if locked.header.Get("Retry-After") != "1" {
				t.Errorf("after %s: wait %s s", wait, locked.header.Get("Retry-After"))
			}
			p.clock.advance(time.Second)
			p.signsIn("ann", "wrong password", fields{"address": ""}).fails(403, "sign_in_refused")
		}
		if found := p.asks("accounts/find", fields{"name": "ann"}).is(200); found.member("account", "lockedUntil") == nil {
			t.Errorf("%s", found.body)
		}
		// The browser in which Ann was signed in before has a count of its own.
		p.signsIn("ann", "wrong password", fields{"browser": ann.browser}).fails(403, "sign_in_refused")
		if begun := p.signsIn("ann", goodPassword, fields{"browser": ann.browser}).is(200); begun.text("browser") != ann.browser {
			t.Error("the browser is not known any more")
		}
		p.signsIn("ann", goodPassword).fails(429, "rate_limited")
		if unlocked := p.asks("accounts/unlock", fields{"id": ann.id}).is(200); unlocked.member("account", "lockedUntil") != nil {
			t.Errorf("%s", unlocked.body)
		}
		p.signsIn("ann", goodPassword).is(200)
		for range 9 {
			p.signsIn("ann", "wrong password", fields{"address": "203.0.113.9"}).fails(403, "sign_in_refused")
		}
		p.signsIn("ann", goodPassword).is(200) // so the count begins anew
		for range 9 {
			p.signsIn("ann", "wrong password", fields{"address": "203.0.113.9"}).fails(403, "sign_in_refused")
		}
		p.signsIn("ann", goodPassword).is(200)
	})
}

func TestAKnownBrowserIsLockedForItself(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	ann := p.joins("ann")
	for range 10 {
		p.signsIn("ann", "wrong password", fields{"browser": ann.browser}).fails(403, "sign_in_refused")
	}
	p.signsIn("ann", goodPassword, fields{"browser": ann.browser}).fails(429, "rate_limited")
	p.signsIn("ann", goodPassword, fields{"browser": "tbb_unknown"}).is(200)
}

func TestAttemptsAtOnceDoNotGetPastTheLimit(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		p.joins("ann")
		var looked, waited atomic.Int64
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				switch got := p.signsIn("ann", "wrong password", fields{"address": fmt.Sprintf("198.51.100.%d", n)}); got.status {
				case 403:
					looked.Add(1)
				case 429:
					waited.Add(1)
				}
			})
		}
		all.Wait()
		if looked.Load() != 10 || waited.Load() != 30 {
			t.Errorf("%d attempts were looked at, and %d had to wait", looked.Load(), waited.Load())
		}
	})
}

func TestAnAddressFailsSoOftenAndNoMore(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	p.joins("ann")
	spray := func(address string, n int) answer {
		return p.signsIn(fmt.Sprint("name", n), goodPassword, fields{"address": address})
	}
	for n := range 30 {
		spray(fmt.Sprintf("2001:db8::%x", n), n).fails(403, "sign_in_refused")
	}
	if wait := spray("2001:db8::ffff:1", 31).fails(429, "rate_limited").header.Get("Retry-After"); wait != "10" {
		t.Errorf("wait %s s", wait)
	}
	p.signsIn("ann", goodPassword, fields{"address": "2001:db8::1"}).fails(429, "rate_limited")
	p.asks("links/redeem", fields{"token": "tbl_x", "password": goodPassword, "address": "2001:db8::1"}).fails(429, "rate_limited")
	p.signsIn("ann", goodPassword, fields{"address": "2001:db8:0:1::1"}).is(200)
	p.clock.advance(10 * time.Second)
	spray("2001:db8::2", 32).fails(403, "sign_in_refused")
	spray("2001:db8::2", 33).fails(429, "rate_limited")
	for range 40 { // who signs in does not fail
		p.signsIn("ann", goodPassword, fields{"address": "::ffff:192.0.2.77"}).is(200)
	}
}

func TestOfSeveralWhoRedeemALinkOneWins(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		twin := p.twin(embedded)
		token := p.asks("accounts/add", fields{"name": "ann"}).is(200).text("link", "token")
		var won atomic.Int64
		var winner atomic.Value
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				password := fmt.Sprint("the password of ", n)
				got := []*process{p, twin}[n%2].asks("links/redeem", fields{"token": token, "password": password, "address": "192.0.2.1"})
				if got.status == 200 {
					won.Add(1)
					winner.Store(password)
				} else {
					got.fails(404, "login_unknown")
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d have won", won.Load())
		}
		p.signsIn("ann", winner.Load().(string)).is(200)
	})
}

func TestLinksExpireAndReplaceEachOther(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	added := p.asks("accounts/add", fields{"name": "ann"}).is(200)
	id, first := added.text("account", "id"), added.text("link", "token")
	second := p.asks("accounts/link", fields{"id": id, "purpose": "invitation"}).is(200).text("link", "token")
	p.asks("links/read", fields{"token": first}).fails(404, "login_unknown")
	p.clock.advance(7*24*time.Hour - time.Second)
	p.asks("links/read", fields{"token": second}).is(200)
	p.clock.advance(time.Second)
	p.asks("links/read", fields{"token": second}).fails(404, "login_unknown")
	p.asks("links/redeem", fields{"token": second, "password": goodPassword}).fails(404, "login_unknown")
	p.asks("accounts/link", fields{"id": id, "purpose": "other"}).fails(422, "invalid_field")
	p.asks("accounts/link", fields{"id": "unknown", "purpose": "reset"}).fails(404, "login_unknown")
}

func TestAResetTakesAllAwayAndTheLinkGivesItBack(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		p.asks("accounts/link", fields{"id": ann.id, "purpose": "invitation"}).fails(409, "login_exists")
		reset := p.asks("accounts/link", fields{"id": ann.id, "purpose": "reset"}).is(200)
		p.asks("sessions/read", fields{"session": ann.session}).fails(404, "login_unknown")
		p.signsIn("ann", goodPassword).fails(403, "sign_in_refused")
		if read := p.asks("links/read", fields{"token": reset.text("link", "token")}).is(200); read.text("purpose") != "reset" {
			t.Errorf("%s", read.body)
		}
		p.clock.advance(24*time.Hour - time.Second)
		p.asks("links/redeem", fields{"token": reset.text("link", "token"), "password": "another password"}).is(200)
		p.signsIn("ann", "another password").is(200)
		p.signsIn("ann", goodPassword).fails(403, "sign_in_refused")
	})
}

func TestADisabledAccountIsOutUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		link := p.asks("accounts/add", fields{"name": "bob"}).is(200)
		p.asks("accounts/disable", fields{"id": link.text("account", "id")}).is(200)
		p.asks("links/redeem", fields{"token": link.text("link", "token"), "password": goodPassword}).fails(404, "login_unknown")
		for range 2 { // the second time says the same
			if off := p.asks("accounts/disable", fields{"id": ann.id}).is(200); off.text("account", "state") != "disabled" {
				t.Errorf("%s", off.body)
			}
		}
		p.asks("sessions/read", fields{"session": ann.session}).fails(404, "login_unknown")
		p.asks("sessions/password", fields{"session": ann.session, "current": goodPassword, "password": "another password"}).fails(404, "login_unknown")
		p.signsIn("ann", goodPassword).fails(403, "sign_in_refused")
		if on := p.asks("accounts/enable", fields{"id": ann.id}).is(200); on.text("account", "state") != "active" {
			t.Errorf("%s", on.body)
		}
		p.signsIn("ann", goodPassword).is(200)
		p.asks("accounts/remove", fields{"id": ann.id}).is(200)
		p.signsIn("ann", goodPassword).fails(403, "sign_in_refused")
		for _, path := range []string{"disable", "enable", "unlock", "remove"} {
			p.asks("accounts/"+path, fields{"id": ann.id}).fails(404, "login_unknown")
		}
		if again := p.asks("accounts/add", fields{"name": "ann"}).is(200); again.text("account", "subject") == ann.subject {
			t.Error("another account has the same subject")
		}
	})
}

func TestAPasswordIsChangedByThePresentOne(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		other := p.signsIn("ann", goodPassword).is(200).text("session")
		change := func(session, current, password string) answer {
			return p.asks("sessions/password", fields{"session": session, "current": current, "password": password, "address": ""})
		}
		change(ann.session, "wrong password", "another password").fails(403, "sign_in_refused")
		change(ann.session, goodPassword, "ann's password").fails(400, "weak_password").says("The password must not contain your name.")
		changed := change(ann.session, goodPassword, "another password").is(200)
		for _, ended := range []string{ann.session, other} {
			p.asks("sessions/read", fields{"session": ended}).fails(404, "login_unknown")
		}
		session := changed.text("session")
		p.asks("sessions/read", fields{"session": session}).is(200)
		p.signsIn("ann", goodPassword).fails(403, "sign_in_refused")
		for range 10 {
			change(session, goodPassword, "yet another password").fails(403, "sign_in_refused")
		}
		change(session, "another password", "yet another password").fails(404, "login_unknown")
		p.asks("sessions/read", fields{"session": session}).fails(404, "login_unknown")
		p.signsIn("ann", "another password", fields{"browser": ann.browser}).is(200) // and nobody is locked
	})
}

func TestSessionsEndInTimeAndAreSoManyAtMost(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		ann := p.joins("ann")
		reads := func(session string) answer { return p.asks("sessions/read", fields{"session": session}) }
		for range 13 { // 12 hours less a second each time, until 7 days are over
			p.clock.advance(12*time.Hour - time.Second)
			reads(ann.session).is(200)
		}
		for _, step := range []time.Duration{12*time.Hour - time.Second, 13 * time.Second} {
			p.clock.advance(step)
			reads(ann.session).is(200)
		}
		p.clock.advance(time.Second)
		reads(ann.session).fails(404, "login_unknown")
		idle := p.signsIn("ann", goodPassword).is(200).text("session")
		p.clock.advance(12 * time.Hour)
		reads(idle).fails(404, "login_unknown")

		var sessions []string
		for range 21 {
			sessions = append(sessions, p.signsIn("ann", goodPassword).is(200).text("session"))
			p.clock.advance(time.Second)
		}
		reads(sessions[0]).fails(404, "login_unknown")
		reads(sessions[1]).is(200)
		p.asks("sessions/end", fields{"session": sessions[20], "everywhere": true}).is(200)
		for _, session := range sessions {
			reads(session).fails(404, "login_unknown")
		}
		p.asks("sessions/end", fields{"session": sessions[20], "everywhere": true}).fails(404, "login_unknown")
	})
}
