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
	full    time.Time // when all tokens are back, if none is taken until then
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
	allowed := found.limiter.AllowN(now, 1)
	standing := b.standing(found, now)
	if standing.Allowed = allowed; !allowed {
		standing.Retry = b.timeToGain(1 - found.limiter.TokensAt(now))
	}
	return standing
}

// Owe takes so many tokens from a user's bucket, whether they are there or not. The
// user waits for those that were not there before the next one can be taken.
func (b *Buckets) Owe(user string, now time.Time, tokens int) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.bucketOf(user, now)
	for tokens > 0 {
		some := min(tokens, b.rate.Burst) // the limiter reserves no more at once
		found.limiter.ReserveN(now, some)
		tokens -= some
	}
	standing := b.standing(found, now)
	standing.Allowed = true
	return standing
}

// Look is the state of a user's bucket, from which it takes nothing.
func (b *Buckets) Look(user string, now time.Time) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	element, known := b.users[user]
	if !known {
		return Standing{Allowed: true, Remaining: b.rate.Burst}
	}
	found := element.Value.(*bucket)
	standing := b.standing(found, now)
	if standing.Allowed = standing.Remaining > 0; !standing.Allowed {
		standing.Retry = b.timeToGain(1 - found.limiter.TokensAt(now))
	}
	return standing
}

// standing is the state of a bucket that was used now.
func (b *Buckets) standing(found *bucket, now time.Time) Standing {
	tokens := found.limiter.TokensAt(now)
	full := b.timeToGain(float64(b.rate.Burst) - tokens)
	found.full = now.Add(full)
	return Standing{Remaining: int(math.Max(tokens, 0)), Full: full}
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
	fresh := &bucket{user: user, limiter: limiter, full: now}
	b.users[user] = b.recent.PushFront(fresh)
	return fresh
}

// forgetIdle drops users whose buckets are full again: two at a time, one more than
// a request can add.
func (b *Buckets) forgetIdle(now time.Time) {
	for range 2 {
		last := b.recent.Back()
		if last == nil || now.Before(last.Value.(*bucket).full) {
			return
		}
		b.drop(last)
	}
}

func (b *Buckets) drop(element *list.Element) {
	b.recent.Remove(element)
	delete(b.users, element.Value.(*bucket).user)
}
