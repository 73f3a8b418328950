package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/telemetry"
)

// metrics serves what Prometheus reads, to programs of this machine only. A scrape is
// neither logged nor counted itself.
func (a *API) metrics(unknown http.Handler) http.Handler {
	a.Metrics.Watch(a.watched)
	scraped := a.Metrics.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !isLocal(r) {
			unknown.ServeHTTP(w, r)
			return
		}
		scraped.ServeHTTP(w, r)
	})
}

// watched is what a scrape asks for.
func (a *API) watched(ctx context.Context) telemetry.State {
	keys, read := a.Tokens.Keys()
	return telemetry.State{
		Degraded: a.readiness.of(a) != nil,
		Keys:     keys, KeysRead: read, Tokens: a.Tokens.Remembered(),
		Store: a.Sizes(ctx), QuotaUsed: a.quotaUsed(ctx),
		Secrets: a.secrets(), Signing: a.signing(),
	}
}

// signing is the key of the tokens that this API issues.
func (a *API) signing() *telemetry.Signing {
	if a.Login == nil {
		return nil
	}
	id, age, known := a.Login.KeyAge()
	if !known {
		return nil
	}
	return &telemetry.Signing{ID: id, Age: age}
}

// secrets are the keys of each use, and whether their file can be used.
func (a *API) secrets() map[string]telemetry.Secrets {
	secrets := map[string]telemetry.Secrets{}
	for use, ring := range a.Rings {
		ages := map[string]time.Duration{}
		for _, key := range *ring.Keys() {
			if age, known := key.Age(a.Now()); known {
				ages[key.ID] = age
			}
		}
		secrets[use] = telemetry.Secrets{Problem: ring.Problem() != "", Ages: ages}
	}
	return secrets
}

// mostFor is how long the most that a user has is taken as known, for which the store looks
// at every user.
const mostFor = time.Minute

// mostUsed is the most items, and the most bytes, that one user had when the store was
// asked last.
type mostUsed struct {
	mu           sync.Mutex
	asked        time.Time
	items, bytes int64
	err          error
}

// of asks the store at most once a minute, whether it can say it or not.
func (m *mostUsed) of(ctx context.Context, a *API) (items, bytes int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := a.Now().Sub(m.asked); age < 0 || age >= mostFor {
		m.items, m.bytes, m.err = a.Accounts.Store.MostUsed(ctx, a.Tenant.ID)
		m.asked = a.Now()
	}
	return m.items, m.bytes, m.err
}

// quotaUsed is the share of each quota that the fullest user has used. What makes way for
// other things is not counted, as no write is refused for it.
func (a *API) quotaUsed(ctx context.Context) map[string]float64 {
	quota := a.Items.Quota
	if quota == (item.Quota{}) {
		return nil
	}
	items, bytes, err := a.mostUsed.of(ctx, a)
	if err != nil {
		return nil
	}
	shares := map[string]float64{}
	if quota.Items > 0 {
		shares["items"] = float64(items) / float64(quota.Items)
	}
	if quota.Bytes > 0 {
		shares["bytes"] = float64(bytes) / float64(quota.Bytes)
	}
	return shares
}
