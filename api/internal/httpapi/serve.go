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

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/telemetry"
)

// methods are the routes of one path pattern, by method.
type methods map[string]*route

// serve responds to the calls of one path pattern.
func (a *API) serve(pattern string, methods methods) http.Handler {
	other := &route{pattern: pattern, noted: a.Metrics.Route(otherMethod, pattern)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := newCall(w, r)
		defer func() { c.end() }()
		route, known := methods[c.Method]
		if !known {
			route = other
		}
		a.begin(c, route, methods)
		status, body, err := a.answer(c, route, methods)
		if err != nil {
			err = deadlineFault(c, err)
			status, body = failure(c, err)
		}
		c.setTiming(began)
		sent, unsent := respond(w, status, body)
		if unsent != nil {
			a.Log.Debug("client left", "correlation_id", c.correlationID)
		}
		a.note(c, ended{route: route, status: status, sent: sent, took: time.Since(began), err: err})
	})
}

// begin begins the span of a call that is no probe. It names the route, not the path, which
// has ids.
func (a *API) begin(c *call, route *route, methods methods) {
	if a.Tracing == nil || route.probe {
		return
	}
	pattern := route.pattern
	if len(methods) == 0 {
		pattern = ""
	}
	c.noted.Begin(a.Tracing, c.Header, knownMethod(c.Method), pattern, c.correlationID)
}

// answer passes the guards of the route and runs its handler. A panic becomes an error
// like any other unexpected error.
func (a *API) answer(c *call, route *route, methods methods) (status int, body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if route.handle == nil {
		return 0, nil, refuseRoute(c, methods)
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
	if route.body == nil {
		if err := c.checkUnused(a.MaxBodyBytes); err != nil {
			return 0, nil, err
		}
	}
	return route.handle(c)
}

// refuseRoute says whether the path or only the method is unknown.
func refuseRoute(c *call, methods methods) error {
	if len(methods) == 0 {
		return fault.New(fault.RouteNotFound, "no such route")
	}
	allowed := slices.Sorted(maps.Keys(methods))
	c.reply.Set("Allow", strings.Join(allowed, ", "))
	return fault.New(fault.MethodNotAllowed, "method not allowed: use %s", strings.Join(allowed, " or "))
}

// ended is how a call ended.
type ended struct {
	route  *route
	status int
	sent   int // bytes of the body
	took   time.Duration
	err    error

	refusal *auth.Refusal // of the tenant's signature, if that is what failed
}

// note notes the end of a call in metrics, its span and its line of the log.
func (a *API) note(c *call, e ended) {
	if errors.As(e.err, &e.refusal) {
		a.Metrics.SignatureRefused(e.refusal.Reason)
	}
	left := e.status == http.StatusServiceUnavailable && c.Context().Err() == context.Canceled
	var code fault.Code
	if e.err != nil {
		code = codeOf(e.err)
	}
	if left { // nobody waited for a response, and nothing was wrong
		e.route.noted.ClientLeft(e.took)
		c.noted.End(0, telemetry.ClientLeft)
	} else {
		e.route.noted.Note(e.status, code, e.took)
		c.noted.End(e.status, string(code))
	}
	a.logAccess(c, e, code, left)
}

func codeOf(err error) fault.Code {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return fault.Internal
}

// otherMethod stands for a method that a route does not have.
const otherMethod = "_OTHER"

func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return otherMethod
}

// logAccess writes the one log line of a call. It names the route, not the path, and has
// nothing of a body, a query or a token but the user's name.
func (a *API) logAccess(c *call, e ended, code fault.Code, left bool) {
	level, message, outcome := slog.LevelInfo, "request", "ok"
	var cause error
	switch {
	case left:
		message, outcome, cause = "client left", telemetry.ClientLeft, e.err
	case e.refusal != nil && e.refusal.Reason == auth.ReasonDowngrade:
		level, outcome, cause = slog.LevelError, string(code), e.refusal
	case e.err != nil:
		outcome = string(code)
		if e.status >= http.StatusInternalServerError {
			level, cause = levelOf(code), e.err
		}
	case e.route.often:
		level = slog.LevelDebug
	}
	if !a.Log.Enabled(c.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 18)
	attrs = append(attrs, slog.String("correlation_id", c.correlationID))
	attrs = appendText(attrs, "trace_id", c.noted.TraceID(c.Header))
	if c.subject != "" {
		attrs = append(attrs, slog.String("tenant", a.Tenant.ID), slog.String("subject", a.ShownSubject(c.subject)))
	}
	if c.owner.User != "" { // the gateway has signed the headers
		attrs = appendText(attrs, "client", c.word(headerClient))
		attrs = appendText(attrs, "tool", c.word(headerTool))
	}
	attrs = append(attrs, slog.String("method", knownMethod(c.Method)), slog.String("route", e.route.pattern))
	if !left {
		attrs = append(attrs, slog.Int("status", e.status))
	}
	attrs = append(attrs, slog.String("outcome", outcome), slog.Float64("ms", milliseconds(e.took)),
		slog.Float64("store_ms", milliseconds(c.noted.Store())), slog.Int("bytes_in", c.bytesIn), slog.Int("bytes_out", e.sent))
	attrs = e.appendRefusal(attrs)
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	a.Log.LogAttrs(c.Context(), level, message, attrs...)
}

// appendRefusal adds why the tenant's signature was refused.
func (e ended) appendRefusal(attrs []slog.Attr) []slog.Attr {
	if e.refusal == nil {
		return attrs
	}
	attrs = append(attrs, slog.String("reason", string(e.refusal.Reason)))
	if e.refusal.Reason == auth.ReasonClock {
		attrs = append(attrs, slog.Int64("skew_s", e.refusal.Skew))
	}
	return attrs
}

func appendText(attrs []slog.Attr, key, value string) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(key, value))
}

// milliseconds is a time as log lines have it.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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
