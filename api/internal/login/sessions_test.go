package login_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
)

const password = "correct horse battery"

// joins adds an account with a password.
func (p *process) joins(name string) login.Account {
	p.t.Helper()
	added := must(p.AddAccount(p.t.Context(), login.AddAccount{Name: name}))(p.t)
	return must(p.RedeemLink(p.t.Context(), login.RedeemLink{Token: added.Link.Token, Password: password}))(p.t).Account
}

func (p *process) signIn(name, password, address string) error {
	_, err := p.BeginSession(p.t.Context(), login.BeginSession{Name: name, Password: password, Address: address})
	return err
}

func TestAHashThatIsCheaperIsReplacedAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, shared database) {
		cheap := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		cheap.Cost = login.Cheap
		ann := cheap.joins("ann")
		present := cheap.twin()
		count := func(like string) int64 {
			return present.count(`SELECT COUNT(*) FROM login_account WHERE tenant = ? AND id = ? AND password LIKE ?`, tenant, ann.ID, like)
		}
		if count("$argon2id$v=19$m=8,t=1,p=1$%") != 1 {
			t.Error("the first hash is not cheap")
		}
		is(t, present.signIn("ann", "wrong password", ""), fault.SignInRefused)
		if err := present.signIn("ann", password, ""); err != nil || count("$argon2id$v=19$m=19456,t=2,p=1$%") != 1 {
			t.Errorf("the hash was not replaced, %v", err)
		}
		if err := present.signIn("ann", password, ""); err != nil {
			t.Error(err)
		}
	})
}

// What would tell is a hash that is not made. The time of the processor is compared, as a busy
// machine adds any time to some attempts.
func TestAnUnknownNameTakesTheTimeOfAKnownOne(t *testing.T) {
	p := start(t, onSQLite(t), newClock(), keyring.OfSecret(tenantSecret))
	p.joins("ann")
	off := p.joins("off")
	must(p.DisableAccount(t.Context(), login.AccountOfID{ID: off.ID}))(t)
	must(p.AddAccount(t.Context(), login.AddAccount{Name: "new"}))(t)
	kinds := []string{"ann", "off", "new", "nobody"}
	took := map[string][]time.Duration{}
	for n := range 10 {
		for _, kind := range kinds {
			name := kind
			if kind == "nobody" {
				name = fmt.Sprint(kind, n)
			}
			began := processorTime(t)
			is(t, p.signIn(name, "wrong password", fmt.Sprintf("192.0.2.%d", n)), fault.SignInRefused)
			took[kind] = append(took[kind], processorTime(t)-began)
		}
		p.clock.advance(time.Hour) // so that no account is locked
	}
	fast := func(kind string) time.Duration {
		slices.Sort(took[kind])
		return took[kind][2]
	}
	for _, kind := range kinds {
		if other := fast(kind); other < fast("ann")/2 || other > 2*fast("ann") {
			t.Errorf("%s takes %s, and ann %s", kind, other, fast("ann"))
		}
		t.Logf("%s: %s, of %d attempts", kind, fast(kind), len(took[kind]))
	}
}

// processorTime is what this process has used up to now.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestThereAreSoManyAccountsAndNoMore(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		p.write(`INSERT INTO login_account (tenant, id, name, folded, shown, subject, password, disabled, created_ms, password_ms, signed_in_ms, failures, locked_ms)
			WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9999)
			SELECT 'acme', 'a' || n, 'a' || n, 'a' || n, '', 'a' || n, '', 0, 0, 0, 0, 0, 0 FROM numbers`)
		must(p.AddAccount(t.Context(), login.AddAccount{Name: "last"}))(t)
		_, err := p.AddAccount(t.Context(), login.AddAccount{Name: "surplus"})
		is(t, err, fault.LoginFull)
	})
}

func TestBrowsersAndUnknownNamesAreSoManyAtMostAndAreForgotten(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, shared database) {
		p := start(t, shared, newClock(), keyring.OfSecret(tenantSecret))
		p.Cost = login.Cheap
		p.joins("ann")
		for range 12 {
			p.clock.advance(time.Second)
			if err := p.signIn("ann", password, ""); err != nil {
				t.Fatal(err)
			}
		}
		if n := p.count(`SELECT COUNT(*) FROM login_browser WHERE tenant = ?`, tenant); n != 10 {
			t.Errorf("%d browsers", n)
		}
		for first := 0; first < 10_010; first += 1001 {
			err := p.store.Login(t.Context(), func(tx login.Tx) error {
				for n := first; n < first+1001; n++ {
					if _, err := tx.Exec(`INSERT INTO login_attempt (tenant, name, used_ms, failures, locked_ms) VALUES (?, ?, ?, 1, 0)`, tenant, []byte(fmt.Sprint(n)), int64(n)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		is(t, p.signIn("nobody", password, ""), fault.SignInRefused)
		ctx, cancel := context.WithCancel(t.Context())
		var keeping sync.WaitGroup
		keeping.Go(func() { p.Keep(ctx) })
		left := func() int64 { return p.count(`SELECT COUNT(*) FROM login_attempt WHERE tenant = ?`, tenant) }
		for until := time.Now().Add(30 * time.Second); left() != 10_000 && time.Now().Before(until); {
			time.Sleep(50 * time.Millisecond)
		}
		cancel()
		keeping.Wait()
		if left() != 10_000 || p.count(`SELECT COUNT(*) FROM login_attempt WHERE tenant = ? AND used_ms < 11`, tenant) != 0 {
			t.Errorf("%d names are left, or not the newest", left())
		}
	})
}

// BenchmarkSignIns signs in by passwords, each of another account, from 16 browsers at once.
func BenchmarkSignIns(b *testing.B) {
	p := start(b, onSQLite(b), newClock(), keyring.OfSecret(tenantSecret))
	const accounts = 16
	for n := range accounts {
		p.joins(fmt.Sprint("user", n))
	}
	var refused atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for n := range accounts {
		all.Go(func() {
			for range (b.N + accounts - 1) / accounts {
				if p.signIn(fmt.Sprint("user", n), password, "") != nil {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	done := float64((b.N + accounts - 1) / accounts * accounts)
	b.ReportMetric(done/time.Since(began).Minutes(), "sign-ins/min")
	if refused.Load() > 0 {
		b.Errorf("%d were refused", refused.Load())
	}
}
