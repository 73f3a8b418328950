package login

import (
	"database/sql"
	"errors"
	"net/netip"
	"sync"
	"time"

	"toolbridge/api/internal/limit"
)

// Limits on attempts. Failures of an account count in its row, so all processes agree on them;
// those of an address count in the memory of each process.
const (
	freeFailures = 10 // in a row, before the first wait
	maxAttempts  = 10_000
	maxAddresses = 20_000
)

// perAddress is what an address may fail: 30 times at once, and 30 times in 5 minutes then.
var perAddress = limit.Rate{PerMinute: 6, Burst: 30}

// perAccount is how often one account may sign in: so often that no person notices, and so seldom
// that the lines about it in the journal do not fill a disk.
var perAccount = limit.Rate{PerMinute: 2, Burst: 1000}

// signIns are the accounts that have signed in.
type signIns struct {
	once    sync.Once
	buckets *limit.Buckets
}

func (s *signIns) take(account string, now time.Time) error {
	s.once.Do(func() { s.buckets = limit.NewBuckets(perAccount, maxAccounts) })
	if standing := s.buckets.Take(account, now); !standing.Allowed {
		return tooOften(standing.Retry)
	}
	return nil
}

// addresses are those from which attempts failed.
type addresses struct {
	once    sync.Once
	buckets *limit.Buckets
}

func (a *addresses) known() *limit.Buckets {
	a.once.Do(func() { a.buckets = limit.NewBuckets(perAddress, maxAddresses) })
	return a.buckets
}

// check refuses an attempt from an address from which too many have failed.
func (a *addresses) check(address string, now time.Time) error {
	if standing := a.known().Look(network(address), now); !standing.Allowed {
		return tooOften(standing.Retry)
	}
	return nil
}

// failed notes a failure.
func (a *addresses) failed(address string, now time.Time) { a.known().Owe(network(address), now, 1) }

// network is what counts as one address: of IPv6 the first 64 bits, which one customer of a
// provider has alone. What is no address counts as one, too.
func network(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	parsed = parsed.Unmap().WithZone("")
	if parsed.Is4() {
		return parsed.String()
	}
	prefix, _ := parsed.Prefix(64) // an address of IPv6 has so many bits
	return prefix.String()
}

// moreFailures counts an attempt as failed before it is looked at, so that attempts at once
// cannot get past the limit. From the tenth one on there is a wait of 30 s, which doubles up to
// 15 min. The time of now is an argument of each of these texts twice: here, and as the time
// from which a wait is over.
const moreFailures = ` SET failures = failures + 1, locked_ms = CASE WHEN failures < 9 THEN 0
	ELSE CAST(? AS BIGINT) + CASE failures WHEN 9 THEN 30000 WHEN 10 THEN 60000 WHEN 11 THEN 120000 WHEN 12 THEN 240000
		WHEN 13 THEN 480000 ELSE 900000 END END`

const (
	sqlTryAccount = `UPDATE login_account` + moreFailures + ` WHERE tenant = ? AND id = ? AND locked_ms <= ?`
	sqlTryBrowser = `UPDATE login_browser` + moreFailures + ` WHERE tenant = ? AND account = ? AND hash = ? AND locked_ms <= ?`
	sqlTryUnknown = `UPDATE login_attempt` + moreFailures + `, used_ms = ? WHERE tenant = ? AND name = ? AND locked_ms <= ?`

	sqlAccountLocked = `SELECT locked_ms FROM login_account WHERE tenant = ? AND id = ?`
	sqlBrowserLocked = `SELECT locked_ms FROM login_browser WHERE tenant = ? AND account = ? AND hash = ?`
	sqlUnknownLocked = `SELECT locked_ms FROM login_attempt WHERE tenant = ? AND name = ?`

	sqlAddUnknown = `INSERT INTO login_attempt (tenant, name, used_ms, failures, locked_ms) VALUES (?, ?, ?, 0, 0)
		ON CONFLICT (tenant, name) DO NOTHING`
)

const (
	sqlPurgeSessions = `DELETE FROM login_session WHERE tenant = ? AND expires_ms <= ?`
	sqlPurgeLinks    = `DELETE FROM login_link WHERE tenant = ? AND expires_ms <= ?`
	sqlPurgeBrowsers = `DELETE FROM login_browser WHERE tenant = ? AND used_ms <= ?`
	sqlPurgeUnknown  = `DELETE FROM login_attempt WHERE tenant = ? AND name IN (
		SELECT name FROM login_attempt WHERE tenant = ? ORDER BY used_ms DESC, name LIMIT 1000000 OFFSET ?)`
)

// purgeAttempts drops browsers that were not used for long, and names that no account has beyond
// those that are kept. Failures at these are not forgotten by time, as those of accounts are not:
// the difference would tell which is which. Nor is this done by an attempt, which would take
// longer.
func (s *Service) purgeAttempts(tx Tx, now int64) error {
	_, err := tx.Exec(sqlPurgeBrowsers, s.Tenant, now-browserIdle.Milliseconds())
	if err == nil {
		_, err = tx.Exec(sqlPurgeUnknown, s.Tenant, s.Tenant, int64(maxAttempts))
	}
	return err
}

// counter is where the failures of an attempt count: at the browser, if the account was signed in
// there before, else at the account, else at the name.
type counter struct {
	raise, locked string
	key           []any
}

// take counts an attempt as failed, or refuses it while a wait lasts.
func (c counter) take(tx Tx, now int64, before ...any) error {
	taken, err := tx.Exec(c.raise, append(append(append([]any{now}, before...), c.key...), now)...)
	if err != nil || taken > 0 {
		return err
	}
	var until int64
	err = tx.QueryRow(c.locked, c.key...).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		return refused()
	}
	if err != nil {
		return err
	}
	return tooOften(time.Duration(max(until-now, 1000)) * time.Millisecond)
}

// concealed is a name that no account has, as the store may know it. People type passwords there, so
// it is made with the tenant's key, without which it cannot be found by trying words.
func (s *Service) concealed(name string) []byte {
	sum := (*s.TenantKeys.Keys())[0].MAC.Sum([]byte("toolbridge/login/attempt\x00" + s.Tenant + "\x00" + name))
	return sum[:]
}

// takeUnknown is take for a name that no account has.
func (s *Service) takeUnknown(tx Tx, name string, now int64) error {
	key := []any{s.Tenant, s.concealed(name)}
	if _, err := tx.Exec(sqlAddUnknown, append(key, now)...); err != nil {
		return err
	}
	return counter{sqlTryUnknown, sqlUnknownLocked, key}.take(tx, now, now)
}
