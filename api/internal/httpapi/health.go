package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"toolbridge/api/internal/fault"
)

const (
	readyWithin = time.Second // the store must answer
	readyFor    = time.Second // a result is shared by all who ask
)

// health reports that the process runs, and checks nothing else.
func (a *API) health(*call) (int, any, error) { return http.StatusOK, text("ok"), nil }

// ready reports whether tokens can be checked, and the store answers within a second.
func (a *API) ready(*call) (int, any, error) {
	if err := a.Tokens.Ready(); err != nil {
		return 0, nil, fault.New(fault.Unavailable, "tokens cannot be checked for now").Because(err)
	}
	if err := a.readiness.of(a.Now, a.Ready); err != nil {
		return 0, nil, fault.New(fault.Unavailable, "the store does not answer").Because(err)
	}
	return http.StatusOK, text("ok"), nil
}

// readiness is the last result of a probe. Anyone may ask without a token, so asking
// often must cost nothing.
type readiness struct {
	mu     sync.Mutex
	probed time.Time
	err    error
}

// of probes at most once a second. Whoever asks meanwhile gets the same result, and
// whoever leaves ends no probe that others wait for.
func (r *readiness) of(now func() time.Time, probe func(context.Context) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now().Sub(r.probed); age >= 0 && age < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	r.err = probe(ctx)
	r.probed = now()
	return r.err
}
