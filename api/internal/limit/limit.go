// Package limit says how much one user may ask for at once.
package limit

import (
	"container/list"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket: that many a minute, and a burst at once. The zero
// value limits nothing.
type Rate struct {
	PerMinute int
	Burst     int
}

// Limited says whether there is a limit at all.
func (r Rate) Limited() bool { return r != Rate{} }

func (r Rate) perSecond() float64 { return float64(r.PerMinute) / 60 }

// Standing is where a user's bucket is after a request.
type Standing struct {
	Allowed   bool
	Remaining int           // whole tokens left
	Full      time.Duration // until the bucket is full again
	Retry     time.Duration // until the next token, when not allowed
}

// Buckets is one bucket for each user that was here lately. Whoever has a full
// bucket is forgotten, as nothing is lost by it; above a number of users the one
// idle the longest is forgotten too.
type Buckets struct {
	rate     Rate
	maxUsers int

	mu     sync.Mutex
	users  map[string]*list.Element
	recent *list.List // of *bucket, the latest first
}

type bucket struct {
	user    string
	limiter *rate.Limiter
	used    time.Time
}

// NewBuckets returns full buckets for at most maxUsers users.
func NewBuckets(r Rate, maxUsers int) *Buckets {
	return &Buckets{rate: r, maxUsers: maxUsers, users: map[string]*list.Element{}, recent: list.New()}
}

// Take takes one token of a user, if there is one.
func (b *Buckets) Take(user string, now time.Time) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	found := b.of(user, now)
	found.used = now
	allowed := found.limiter.AllowN(now, 1)
	tokens := found.limiter.TokensAt(now)
	standing := Standing{
		Allowed:   allowed,
		Remaining: int(math.Max(tokens, 0)),
		Full:      b.lasting(float64(b.rate.Burst) - tokens),
	}
	if !allowed {
		standing.Retry = b.lasting(1 - tokens)
	}
	return standing
}

// Users tells how many users are remembered.
func (b *Buckets) Users() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.users)
}

// lasting is how long it takes to gain tokens.
func (b *Buckets) lasting(tokens float64) time.Duration {
	return time.Duration(tokens / b.rate.perSecond() * float64(time.Second))
}

// of gives the user's bucket and makes it the latest.
func (b *Buckets) of(user string, now time.Time) *bucket {
	if element, known := b.users[user]; known {
		b.recent.MoveToFront(element)
		return element.Value.(*bucket)
	}
	if len(b.users) >= b.maxUsers {
		b.drop(b.recent.Back())
	}
	limiter := rate.NewLimiter(rate.Limit(b.rate.perSecond()), b.rate.Burst)
	fresh := &bucket{user: user, limiter: limiter, used: now}
	b.users[user] = b.recent.PushFront(fresh)
	return fresh
}

// forget drops users idle for so long that their buckets are full, two at a time:
// one more than a request can add.
func (b *Buckets) forget(now time.Time) {
	idle := b.lasting(float64(b.rate.Burst))
	for range 2 {
		last := b.recent.Back()
		if last == nil || now.Sub(last.Value.(*bucket).used) < idle {
			return
		}
		b.drop(last)
	}
}

func (b *Buckets) drop(element *list.Element) {
	b.recent.Remove(element)
	delete(b.users, element.Value.(*bucket).user)
}
