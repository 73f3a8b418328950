package httpapi

import (
	"context"
	"net/http"
	"time"

	"toolbridge/api/internal/fault"
)

const readyWithin = time.Second

// health reports that the process runs, and checks nothing else.
func (a *API) health(*call) (int, any, error) { return http.StatusOK, text("ok"), nil }

// ready reports whether the store answers within a second.
func (a *API) ready(c *call) (int, any, error) {
	ctx, cancel := context.WithTimeout(c.Context(), readyWithin)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		return 0, nil, fault.New(fault.Unavailable, "the store does not answer").Because(err)
	}
	return http.StatusOK, text("ok"), nil
}
