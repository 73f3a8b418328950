// Package limit bounds how often each user may ask for something.
package limit

import (
	"container/list"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket. The zero value limits nothing.
type Rate struct {
	PerMinute int
	Burst     int // at once
}

// Limited reports whether there is a limit at all.
func (r Rate) Limited() bool { return r != Rate{} }

func (r Rate) perSecond() float64 { return float64(r.PerMinute) / 60 }

// Standing is the state of a user's bucket after a request.
type Standing struct {
	Allowed   bool
	Remaining int           // whole tokens left
	Full      time.Duration // until the bucket is full again
	Retry     time.Duration // until the next token, when not allowed
}

// Buckets is one bucket for each recent user. A user whose bucket is full is
// forgotten, since a fresh bucket is full too. Above the maximum number of users,
// the user idle for longest is forgotten.
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

// Take takes one token from a user's bucket, if there is one.
func (b *Buckets) Take(user string, now time.Time) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetIdle(now)
	found := b.bucketOf(user, now)
	found.used = now
	allowed := found.limiter.AllowN(now, 1)
	tokens := found.limiter.TokensAt(now)
	standing := Standing{
		Allowed:   allowed,
		Remaining: int(math.Max(tokens, 0)),
		Full:      b.timeToGain(float64(b.rate.Burst) - tokens),
	}
	if !allowed {
		standing.Retry = b.timeToGain(1 - tokens)
	}
	return standing
}

// timeToGain is how long a bucket takes to gain tokens.
func (b *Buckets) timeToGain(tokens float64) time.Duration {
	return time.Duration(tokens / b.rate.perSecond() * float64(time.Second))
}

// bucketOf returns the user's bucket and makes it the latest.
func (b *Buckets) bucketOf(user string, now time.Time) *bucket {
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

// forgetIdle drops users whose buckets are full again: two at a time, one more than
// a request can add.
func (b *Buckets) forgetIdle(now time.Time) {
	idle := b.timeToGain(float64(b.rate.Burst))
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
