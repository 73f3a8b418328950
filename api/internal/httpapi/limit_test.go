package httpapi_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/limit"
)

// limitedTo is an API with these limits.
func limitedTo(t *testing.T, reads, writes, sessions limit.Rate) *process {
	t.Helper()
	return start(t, func(api *httpapi.API) { api.Limits = httpapi.NewLimits(reads, writes, sessions) })
}

func TestReadsWritesAndSessionsHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := limitedTo(t, limit.Rate{PerMinute: 60, Burst: 3}, limit.Rate{PerMinute: 60, Burst: 2}, limit.Rate{PerMinute: 60, Burst: 1})
	alice, bob := p.user("alice"), p.user("bob")
	one := alice.call("POST", "/v1/notes", "{}").is(201).item().UID
	alice.call("PATCH", "/v1/notes/"+one, "{}").is(200)
	for _, call := range [][3]string{
		{"POST", "/v1/tasks", "{}"}, {"DELETE", "/v1/notes/" + one, ""}, {"POST", "/v1/notes/" + one + "/archive", ""},
		{"POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`}, {"DELETE", "/v1/sync/sessions/" + someUID, ""},
	} {
		got := alice.call(call[0], call[1], call[2]).fails(429, "rate_limited")
		if got.detail("limit") != "writes" || got.detail("burst") != 2.0 || got.detail("perMinute") != 60.0 {
			t.Errorf("%s: %s", got.request, got.body)
		}
	}
	alice.call("GET", "/v1/notes", "").is(200)
	alice.call("GET", "/v1/sync/state", "").is(200)
	alice.call("GET", "/v1/notes/"+one, "").is(200)
	alice.call("GET", "/v1/tasks", "").fails(429, "rate_limited").says("Rate limit exceeded. Please retry after 1 seconds.")
	alice.call("POST", "/v1/sync/sessions", "").is(201)
	alice.call("POST", "/v1/sync/sessions", "").fails(429, "rate_limited")
	bob.call("POST", "/v1/notes", "{}").is(201)
	bob.call("GET", "/v1/notes", "").is(200)
	alice.call("GET", "/v1/sync/info", "").is(200)
	alice.call("GET", "/readyz", "").is(200)
	p.clock.advance(time.Second)
	alice.call("DELETE", "/v1/notes/"+one, "").is(200)
	alice.call("GET", "/v1/notes", "").is(200)
	alice.call("POST", "/v1/sync/sessions", "").is(201)
}

func TestEveryLimitedAnswerSaysWhereTheUserStands(t *testing.T) {
	t.Parallel()
	p := limitedTo(t, limit.Rate{PerMinute: 30, Burst: 2}, limit.Rate{}, limit.Rate{PerMinute: 6000, Burst: 7})
	u := p.user("alice")
	now := p.clock.Now().Unix()
	for i, row := range []struct {
		status               int
		remaining, full, now string
		after                string
	}{
		{200, "1", "2", strconv.FormatInt(now+3, 10), ""},
		{200, "0", "4", strconv.FormatInt(now+5, 10), ""},
		{429, "0", "4", strconv.FormatInt(now+5, 10), "2"},
	} {
		got := u.call("GET", "/v1/notes", "").is(row.status)
		for name, want := range map[string]string{
			"X-RateLimit-Limit": "30", "X-RateLimit-Burst": "2",
			"X-RateLimit-Remaining": row.remaining, "X-RateLimit-Reset": row.now,
			"RateLimit-Policy": `"reads";q=30;w=60`, "RateLimit": `"reads";r=` + row.remaining + ";t=" + row.full,
			"Retry-After": row.after,
		} {
			if got.header.Get(name) != want {
				t.Errorf("call %d: %s is %q, want %q", i, name, got.header.Get(name), want)
			}
		}
	}
	if got := u.call("POST", "/v1/sync/sessions", "").is(201).header.Get("RateLimit"); got != `"sessions";r=6;t=1` {
		t.Errorf("RateLimit %q", got)
	}
	if got := u.call("POST", "/v1/notes", "{}").is(201); got.header.Get("RateLimit") != "" || got.header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("a limit that is off is told: %v", got.header)
	}
}

func TestALimitIsCheckedAfterTheSessionAndBeforeTheEpoch(t *testing.T) {
	t.Parallel()
	p := limitedTo(t, limit.Rate{PerMinute: 60, Burst: 1}, plenty, plenty)
	u := p.user("alice")
	told := func(got answer) bool { return got.header.Get("RateLimit") != "" }
	for _, got := range []answer{
		u.call("GET", "/v1/notes", "", unset("Authorization")).is(401),
		u.call("GET", "/v1/notes", "", unsigned).is(401),
		u.call("GET", "/v1/notes", "", unset("X-Sync-Session")).is(428),
		u.call("PUT", "/v1/notes", "").is(405),
	} {
		if told(got) {
			t.Errorf("%s: a token was spent", got.request)
		}
	}
	if got := u.call("GET", "/v1/notes", "", set("X-Sync-Epoch", "0")).fails(409, "epoch_mismatch"); !told(got) {
		t.Error("no token was spent")
	}
	u.call("GET", "/v1/notes", "", set("X-Sync-Epoch", "0")).fails(429, "rate_limited")
	u.call("GET", "/v1/notes", "", unset("X-Sync-Session")).fails(428, "session_required")
}

func TestParallelCallsGetNoMoreThanTheBurst(t *testing.T) {
	t.Parallel()
	u := limitedTo(t, limit.Rate{PerMinute: 60, Burst: 20}, plenty, plenty).user("alice")
	statuses := make(chan int, 50)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() { statuses <- u.call("GET", "/v1/notes", "").status })
	}
	callers.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	if counts[http.StatusOK] != 20 || counts[http.StatusTooManyRequests] != 30 {
		t.Errorf("answers by status: %v", counts)
	}
}

func TestTheLimitsArePublished(t *testing.T) {
	t.Parallel()
	reads, writes := limit.Rate{PerMinute: 600, Burst: 120}, limit.Rate{PerMinute: 300, Burst: 60}
	shown := func(perMinute, burst float64) map[string]any {
		return map[string]any{"windowSeconds": 60.0, "maxRequests": perMinute, "burst": burst}
	}
	for _, row := range []struct {
		name          string
		reads, writes limit.Rate
		want          map[string]any // the contract's one
	}{
		{"the writes when they are the tighter", reads, writes, shown(300, 60)},
		{"the reads when they are the tighter", writes, reads, shown(300, 60)},
		{"the reads alone", reads, limit.Rate{}, shown(600, 120)},
		{"the writes alone", limit.Rate{}, writes, shown(300, 60)},
		{"neither", limit.Rate{}, limit.Rate{}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			told, _ := limitedTo(t, row.reads, row.writes, plenty).send("GET", "/v1/sync/info", "", nil).is(200).json()["rateLimit"].(map[string]any)
			if (told == nil) != (row.want == nil) || (told["reads"] == nil) != (row.reads == limit.Rate{}) {
				t.Fatalf("told %v", told)
			}
			for name, value := range row.want {
				if told[name] != value {
					t.Errorf("%s is %v, want %v", name, told[name], value)
				}
			}
		})
	}
}
