package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"toolbridge/api/internal/fault"
)

// methods are the routes of one path pattern, by method.
type methods map[string]route

// serve responds to the calls of one path pattern.
func (a *API) serve(pattern string, methods methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := a.Now()
		c := newCall(w, r)
		defer func() { c.end() }()
		status, body, err := a.answer(c, methods)
		if err != nil {
			err = deadlineFault(c, err)
			status, body = failure(c, err)
		}
		if err := respond(w, status, body); err != nil {
			a.Log.Debug("client left", "correlation_id", c.correlationID)
		}
		a.logAccess(c, pattern, status, a.Now().Sub(start), err)
	})
}

// answer finds the route by method, passes its guards and runs its handler. A panic
// becomes an error like any other unexpected error.
func (a *API) answer(c *call, methods methods) (status int, body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if len(methods) == 0 {
		return 0, nil, fault.New(fault.RouteNotFound, "no such route")
	}
	route, ok := methods[c.Method]
	if !ok {
		allowed := slices.Sorted(maps.Keys(methods))
		c.reply.Set("Allow", strings.Join(allowed, ", "))
		return 0, nil, fault.New(fault.MethodNotAllowed, "method not allowed: use %s", strings.Join(allowed, " or "))
	}
	c.reads = route.reads
	for _, guard := range route.guards {
		if err := guard.check(c); err != nil {
			return 0, nil, err
		}
	}
	if err := c.readOptions(route); err != nil {
		return 0, nil, err
	}
	return route.handle(c)
}

// logAccess writes the one log line of a call. It names the route, not the path; of
// what the client sent, it has only the correlation id and the method.
func (a *API) logAccess(c *call, pattern string, status int, took time.Duration, err error) {
	if status == http.StatusServiceUnavailable && c.Context().Err() == context.Canceled {
		attrs := append(accessAttrs(c, pattern, took), slog.String("cause", err.Error()))
		a.Log.LogAttrs(c.Context(), slog.LevelInfo, "client left", attrs...)
		return // nobody waited for a response, and nothing was wrong
	}
	level := slog.LevelInfo
	attrs := append(accessAttrs(c, pattern, took), slog.Int("status", status))
	if err != nil && status >= http.StatusInternalServerError {
		code := codeOf(err)
		level = levelOf(code)
		attrs = append(attrs, slog.String("code", string(code)), slog.String("cause", err.Error()))
	}
	a.Log.LogAttrs(c.Context(), level, "request", attrs...)
}

func codeOf(err error) fault.Code {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return fault.Internal
}

// levelOf distinguishes a user who has enough, and a caller who stopped waiting, from
// a failure.
func levelOf(code fault.Code) slog.Level {
	switch code {
	case fault.QuotaExceeded:
		return slog.LevelInfo
	case fault.DeadlineExceeded:
		return slog.LevelWarn
	}
	return slog.LevelError
}

func accessAttrs(c *call, pattern string, took time.Duration) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", knownMethod(c.Method)),
		slog.String("route", pattern),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("correlation_id", c.correlationID),
	}
	if c.owner.User != "" {
		attrs = append(attrs, slog.String("user_id", c.owner.User))
	}
	return attrs
}

func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "other"
}
