package httpapi_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/keyring"
)

// withRings gives a process these rings.
func withRings(t *testing.T, sources map[string]keyring.Source) func(*httpapi.API) {
	t.Helper()
	rings := map[string]*keyring.Ring{}
	for use, source := range sources {
		ring, err := source.Open()
		if err != nil {
			t.Fatal(err)
		}
		go ring.Keep(t.Context(), use, slog.New(slog.DiscardHandler))
		rings[use] = ring
	}
	return func(api *httpapi.API) { api.Rings = rings }
}

// keyMade is a list of one key that was made on a day.
func keyMade(id string, day time.Time) string {
	return id + ":" + day.Format(time.DateOnly) + ":" + strings.Repeat("x", keyring.MinSecretBytes)
}

func TestTheAPISaysThatAKeyIsOld(t *testing.T) {
	t.Parallel()
	today := newClock().Now().Truncate(24 * time.Hour)
	days := func(age int) keyring.Source { return keyring.Source{List: keyMade("k1", today.AddDate(0, 0, -age))} }
	bare := keyring.Source{Secret: tenantSecret}
	full := func(api *httpapi.API) {
		api.Ready = func(context.Context) error { return fault.New(fault.DiskFull, "the disk is full") }
	}
	for _, row := range []struct {
		name          string
		tenant, token keyring.Source
		option        func(*httpapi.API)
		says          string
	}{
		{"a bare secret", bare, bare, nil, "ok"},
		{"made today", days(0), days(0), nil, "ok"},
		{"made tomorrow", days(-1), bare, nil, "ok"},
		{"89 days", days(89), days(89), nil, "ok"},
		{"90 days", days(90), bare, nil, "degraded: the API's tenant key k1 is 90 days old"},
		{"both", days(300), days(90), nil, "degraded: the API's tenant key k1 is 300 days old; the API's token key k1 is 90 days old"},
		{"not the first", keyring.Source{List: keyMade("k2", today) + " " + keyMade("k1", today.AddDate(-1, 0, 0))}, bare, nil, "degraded: the API's tenant key k1 is 365 days old"},
		{"each", keyring.Source{List: keyMade("k2", today.AddDate(0, 0, -90)) + " " + keyMade("k1", today.AddDate(0, 0, -91))}, bare, nil, "degraded: the API's tenant key k2 is 90 days old; the API's tenant key k1 is 91 days old"},
		{"beside a full disk", bare, days(91), full, "degraded: the disk is full; the API's token key k1 is 91 days old"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			options := []func(*httpapi.API){withRings(t, map[string]keyring.Source{"tenant": row.tenant, "token": row.token})}
			if row.option != nil {
				options = append(options, row.option)
			}
			if got := start(t, options...).send("GET", "/readyz", "", nil).is(200); string(got.body) != row.says {
				t.Errorf("says %s", got.body)
			}
		})
	}
}

func TestTheAPISaysThatAFileWithKeysCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	write := func() {
		if err := os.WriteFile(file, []byte(keyMade("k1", newClock().Now().AddDate(0, 0, -2))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	p := start(t, withRings(t, map[string]keyring.Source{"tenant": {Secret: tenantSecret}, "token": {File: file}}))
	comes := func(says string, problem float64) {
		t.Helper()
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			got := string(p.send("GET", "/readyz", "", nil).is(200).body)
			metrics := p.scrape()
			if got == says && metrics.sum("toolbridge_api_keys_problem", "use=token") == problem {
				equal(t, "the other file", metrics.sum("toolbridge_api_keys_problem", "use=tenant"), 0.0)
				return
			}
			if time.Now().After(until) {
				t.Fatalf("says %s", got)
			}
		}
	}
	comes("ok", 0)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	comes("degraded: the API cannot use its file with the token keys, so the known ones stay in use", 1)
	write()
	comes("ok", 0)
}

func TestMetricsTellTheAgeOfKeysWhoseDayIsKnown(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC) // two days before the clock of the tests
	list := keyMade("k2", day) + " " + keyMade("k1", day.AddDate(0, 0, -100))
	p := start(t, withRings(t, map[string]keyring.Source{"tenant": {List: list}, "token": {Secret: tokenSecret}}))
	got := p.scrape()
	const name = "toolbridge_api_key_age_seconds"
	age := newClock().Now().Sub(day).Seconds()
	equal(t, "k2", got.sum(name, "use=tenant", "key=k2"), age)
	equal(t, "k1", got.sum(name, "use=tenant", "key=k1"), age+100*86400)
	if n := len(got[name].Metric); n != 2 {
		t.Errorf("%d ages", n)
	}
}
