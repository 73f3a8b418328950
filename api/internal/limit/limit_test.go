package limit_test

import (
	"fmt"
	"testing"
	"time"

	"toolbridge/api/internal/limit"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestABurstIsAllowedAndThenAsMuchAsTheRateGives(t *testing.T) {
	now := noon
	buckets := limit.NewBuckets(limit.Rate{PerMinute: 120, Burst: 3}, 10)
	for _, row := range []struct {
		name  string
		after time.Duration
		want  limit.Standing
	}{
		{"the first", 0, limit.Standing{Allowed: true, Remaining: 2, Full: 500 * time.Millisecond}},
		{"the second", 0, limit.Standing{Allowed: true, Remaining: 1, Full: time.Second}},
		{"the last of the burst", 0, limit.Standing{Allowed: true, Remaining: 0, Full: 1500 * time.Millisecond}},
		{"one too many", 0, limit.Standing{Full: 1500 * time.Millisecond, Retry: 500 * time.Millisecond}},
		{"a moment too early", 400 * time.Millisecond, limit.Standing{Full: 1100 * time.Millisecond, Retry: 100 * time.Millisecond}},
		{"when a token has come", 100 * time.Millisecond, limit.Standing{Allowed: true, Remaining: 0, Full: 1500 * time.Millisecond}},
		{"much later", time.Hour, limit.Standing{Allowed: true, Remaining: 2, Full: 500 * time.Millisecond}},
	} {
		now = now.Add(row.after)
		got := buckets.Take("alice", now)
		got.Full, got.Retry = got.Full.Round(time.Millisecond), got.Retry.Round(time.Millisecond)
		if got != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
	}
}

func TestUsersWithFullBucketsAreForgotten(t *testing.T) {
	now := noon
	buckets := limit.NewBuckets(limit.Rate{PerMinute: 60, Burst: 5}, 1000)
	for i := range 500 {
		buckets.Take(fmt.Sprint("user", i), now)
	}
	now = now.Add(5 * time.Second)
	for range 300 {
		buckets.Take("alice", now)
	}
	if got := buckets.Users(); got != 1 {
		t.Errorf("%d users are remembered", got)
	}
}

func TestMemoryIsBoundedHoweverManyUsersCome(t *testing.T) {
	buckets := limit.NewBuckets(limit.Rate{PerMinute: 60, Burst: 1}, 100)
	for i := range 1000 {
		buckets.Take("alice", noon) // never idle, so never the one to go
		buckets.Take(fmt.Sprint("user", i), noon)
	}
	if got := buckets.Users(); got != 100 {
		t.Errorf("%d users are remembered", got)
	}
	if buckets.Take("alice", noon).Allowed {
		t.Error("a busy user got a fresh bucket")
	}
}

func TestAClockThatGoesBackGivesNothing(t *testing.T) {
	buckets := limit.NewBuckets(limit.Rate{PerMinute: 60, Burst: 1}, 100)
	buckets.Take("alice", noon)
	if got := buckets.Take("alice", noon.Add(-time.Hour)); got.Allowed || got.Remaining != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsOwedIsPaidBeforeTheNextToken(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	b := limit.NewBuckets(limit.Rate{PerMinute: 60, Burst: 5}, 10)
	if got := b.Take("u", now); !got.Allowed || got.Remaining != 4 {
		t.Errorf("%+v", got)
	}
	if got := b.Owe("u", now, 24); got.Remaining != 0 || got.Full != 25*time.Second {
		t.Errorf("%+v", got)
	}
	for _, other := range []string{"v", "w", "x"} { // each could make the buckets forget one that is full
		b.Take(other, now.Add(6*time.Second))
	}
	if got := b.Take("u", now.Add(20*time.Second)); got.Allowed || got.Retry != time.Second {
		t.Errorf("%+v", got)
	}
	if got := b.Take("u", now.Add(21*time.Second)); !got.Allowed {
		t.Errorf("%+v", got)
	}
}
