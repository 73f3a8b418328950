package httpapi

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/limit"
)

// maxLimited is how many users' buckets of one kind are remembered: a few MB.
const maxLimited = 20_000

// limitWindow is the unit in which rate limits are published.
const limitWindow = time.Minute

// Limits bounds how often one user may read, write and open sessions. A request that
// opens its session in-band counts only as that request.
type Limits struct {
	reads, writes, sessions allowance
}

// NewLimits returns limits with full buckets for every user.
func NewLimits(reads, writes, sessions limit.Rate) *Limits {
	return &Limits{newAllowance("reads", reads), newAllowance("writes", writes), newAllowance("sessions", sessions)}
}

// allowance is the limit of one kind of request. Without a limit, buckets is nil.
type allowance struct {
	kind    string
	rate    limit.Rate
	buckets *limit.Buckets

	perMinute, burst, policy string // as headers say them
}

func newAllowance(kind string, rate limit.Rate) allowance {
	if !rate.Limited() {
		return allowance{kind: kind}
	}
	perMinute := strconv.Itoa(rate.PerMinute)
	return allowance{
		kind: kind, rate: rate, buckets: limit.NewBuckets(rate, maxLimited),
		perMinute: perMinute, burst: strconv.Itoa(rate.Burst),
		policy: fmt.Sprintf("%q;q=%s;w=%.0f", kind, perMinute, limitWindow.Seconds()),
	}
}

var retryAfterHeader = header{"Retry-After", "Seconds to wait.", "integer"}

func (a *API) usageGuard() guard   { return limitGuard(a.takeUsage) }
func (a *API) openingGuard() guard { return limitGuard(a.takeOpening) }

// limitGuard counts the requests of a user.
func limitGuard(take func(*call) error) guard {
	return guard{
		check: take,
		headers: []header{
			{"X-RateLimit-Limit", "Requests per minute.", "integer"},
			{"X-RateLimit-Remaining", "Requests left at once.", "integer"},
			{"X-RateLimit-Reset", "Unix time in seconds at which all of the burst is back.", "integer"},
			{"X-RateLimit-Burst", "Requests at once.", "integer"},
			{"RateLimit-Policy", "The limit that applies, as in the IETF draft.", "string"},
			{"RateLimit", "Requests left, and seconds until all are back.", "string"},
		},
		codes: []fault.Code{fault.RateLimited},
	}
}

// takeUsage takes a token for a read or a write, depending on the method.
func (a *API) takeUsage(c *call) error {
	if c.Method == "GET" {
		return a.take(c, &a.Limits.reads)
	}
	return a.take(c, &a.Limits.writes)
}

// takeOpening takes a token for a session.
func (a *API) takeOpening(c *call) error { return a.take(c, &a.Limits.sessions) }

func (a *API) take(c *call, from *allowance) error {
	if from.buckets == nil {
		return nil
	}
	now := a.Now()
	standing := from.buckets.Take(c.owner.User, now)
	c.setLimitHeaders(from, standing, now)
	if standing.Allowed {
		return nil
	}
	after := c.setRetryAfter(standing.Retry)
	return fault.New(fault.RateLimited, "Rate limit exceeded. Please retry after %d seconds.", after).
		With(fault.Facts{"limit": from.kind, "perMinute": from.rate.PerMinute, "burst": from.rate.Burst})
}

// setRetryAfter says when to ask again, and returns the seconds.
func (c *call) setRetryAfter(wait time.Duration) int {
	after := wholeSeconds(wait)
	c.reply.Set("Retry-After", strconv.Itoa(after))
	return after
}

// owe takes tokens for the further writes that a request turned out to make.
func (a *API) owe(c *call, writes int) {
	from := &a.Limits.writes
	if from.buckets == nil || writes <= 0 {
		return
	}
	now := a.Now()
	c.setLimitHeaders(from, from.buckets.Owe(c.owner.User, now, writes), now)
}

// setLimitHeaders publishes the state of the user's bucket, in the headers of the
// contract and in those of the IETF's draft.
func (c *call) setLimitHeaders(from *allowance, standing limit.Standing, now time.Time) {
	remaining := strconv.Itoa(standing.Remaining)
	full := now.Add(standing.Full + time.Second - 1).Unix() // rounded up
	c.reply.Set("X-Ratelimit-Limit", from.perMinute)
	c.reply.Set("X-Ratelimit-Remaining", remaining)
	c.reply.Set("X-Ratelimit-Reset", strconv.FormatInt(full, 10))
	c.reply.Set("X-Ratelimit-Burst", from.burst)
	c.reply.Set("Ratelimit-Policy", from.policy)
	c.reply.Set("Ratelimit", `"`+from.kind+`";r=`+remaining+`;t=`+strconv.Itoa(wholeSeconds(standing.Full)))
}

// wholeSeconds rounds up, to at least one.
func wholeSeconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// rateLimitInfo is a limit as /v1/sync/info publishes it.
type rateLimitInfo struct {
	WindowSeconds int `json:"windowSeconds"`
	MaxRequests   int `json:"maxRequests"`
	Burst         int `json:"burst"`
}

// rateLimitsInfo has the contract's only limit at its top: the tightest limit of the
// routes of items.
type rateLimitsInfo struct {
	rateLimitInfo
	Reads    *rateLimitInfo `json:"reads,omitempty"`
	Writes   *rateLimitInfo `json:"writes,omitempty"`
	Sessions *rateLimitInfo `json:"sessions,omitempty"`
}

// info is nil when reads and writes have no limit.
func (l *Limits) info() *rateLimitsInfo {
	info := &rateLimitsInfo{Reads: l.reads.info(), Writes: l.writes.info(), Sessions: l.sessions.info()}
	switch {
	case info.Reads == nil && info.Writes == nil:
		return nil
	case info.Reads == nil || info.Writes != nil && info.Writes.MaxRequests < info.Reads.MaxRequests:
		info.rateLimitInfo = *info.Writes
	default:
		info.rateLimitInfo = *info.Reads
	}
	return info
}

func (a *allowance) info() *rateLimitInfo {
	if a.buckets == nil {
		return nil
	}
	return &rateLimitInfo{int(limitWindow.Seconds()), a.rate.PerMinute, a.rate.Burst}
}
