package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/keyring"
)

const (
	readyWithin = time.Second // the store must answer
	readyFor    = time.Second // a result is shared by all who ask
)

// degraded begins the answer while writes fail, or something else needs the operator. The
// status stays 200: nobody could delete anything on a machine that gets no more requests.
const degraded = "degraded: "

// health reports that the process runs, and checks nothing else.
func (a *API) health(*call) (int, any, error) { return http.StatusOK, text("ok"), nil }

// ready reports whether tokens can be checked, and the store answers within a second.
func (a *API) ready(*call) (int, any, error) {
	if err := a.Tokens.Ready(); err != nil {
		return 0, nil, fault.New(fault.Unavailable, "tokens cannot be checked for now").Because(err)
	}
	var warnings []string
	err := a.readiness.of(a)
	var f *fault.Error
	switch {
	case err == nil:
	case !errors.As(err, &f):
		return 0, nil, fault.New(fault.Unavailable, "the store does not answer").Because(err)
	case f.Code == fault.DiskFull:
		warnings = append(warnings, f.Message)
	default:
		return 0, nil, err
	}
	warnings = append(warnings, a.warningsOfKeys()...)
	if len(warnings) == 0 {
		return http.StatusOK, text("ok"), nil
	}
	return http.StatusOK, text(degraded + strings.Join(warnings, "; ")), nil
}

// warningsOfKeys say which secrets need the operator, with no more than ids: anyone may ask.
// The gateway says the same of its own.
func (a *API) warningsOfKeys() (warnings []string) {
	for _, use := range slices.Sorted(maps.Keys(a.Rings)) {
		ring := a.Rings[use]
		if ring.Problem() != "" {
			warnings = append(warnings, "the API cannot use its file with the "+use+" keys, so the known ones stay in use")
		}
		for _, key := range *ring.Keys() {
			if age, known := key.Age(a.Now()); known && age >= keyring.OldDays*day {
				warnings = append(warnings, fmt.Sprintf("the API's %s key %s is %d days old", use, key.ID, age/day))
			}
		}
	}
	return warnings
}

const day = 24 * time.Hour

// readiness is the last result of a probe. Anyone may ask without a token, so asking
// often must cost nothing.
type readiness struct {
	mu     sync.Mutex
	probed time.Time
	err    error
}

// of probes at most once a second. Whoever asks meanwhile gets the same result, and
// whoever leaves ends no probe that others wait for.
func (r *readiness) of(a *API) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := a.Now().Sub(r.probed); age >= 0 && age < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	err := a.Ready(ctx)
	logChange(a.Log, r.err, err)
	r.err, r.probed = err, a.Now()
	return err
}

// logChange logs when a store begins to have a problem, and when it has none any more.
func logChange(log *slog.Logger, before, now error) {
	switch {
	case now != nil && (before == nil || codeOf(before) != codeOf(now)):
		log.Error("store degraded", "code", string(codeOf(now)), "cause", now.Error())
	case now == nil && before != nil:
		log.Info("store ready again")
	}
}
