package httpapi

import (
	"context"
	"net/http"

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
		Store: a.Sizes(ctx),
	}
}
