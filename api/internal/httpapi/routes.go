// Package httpapi is the REST API: routes, guards, and handlers that turn a
// request into a call of a service and its result into a response.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/keyring"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/telemetry"
)

// API is what the handlers need. Every field but the switches and Login must be set.
type API struct {
	Items          *item.Service
	Accounts       *account.Service
	Tokens         *auth.Tokens
	Tenant         *auth.Gate
	Rings          map[string]*keyring.Ring // the secrets of the process, by their use
	Login          *login.Service           // nil: users sign in elsewhere
	Limits         *Limits
	Ready          func(context.Context) error                                                // whether the store answers; probed once a second at most
	Newest         func(ctx context.Context, tenant string, most int) ([]journal.Line, error) // see item.Archive
	ShownSubject   func(subject string) string                                                // as operators see it
	Metrics        *telemetry.Metrics
	Sizes          func(context.Context) telemetry.Sizes // of the store
	Tracing        *telemetry.Tracing                    // nil: no traces
	Log            *slog.Logger
	Now            func() time.Time
	MaxBodyBytes   int64
	HistoryDays    int64 // for which the journal keeps contents, and lines
	AuditDays      int64
	InBandSessions bool
	ReadOnly       bool // nothing is written, whoever asks
	Unsigned       bool // requests of users need no signature of the tenant
	DebugSubjects  bool // development mode: a request may name its user

	readiness readiness
	mostUsed  mostUsed
}

// route is one row of the URL map: the requests it serves, the guards they pass,
// the handler, and what the OpenAPI document says beyond what the guards, the
// parameters and the body say themselves.
type route struct {
	name            string // what it does, such as "archive"
	method, pattern string
	guards          []guard
	handle          handler

	id, tag    string // of the document
	summary    string
	parameters []parameter
	body       *body // nil: the request has none
	success    success
	codes      []fault.Code

	reads   *entity.Entity // whose item in the path it reads and does not write
	probe   bool           // is asked every few seconds, so that it has no spans
	often   bool           // is asked every second, so that the log tells its successes at debug only
	lenient bool           // ignores unknown query parameters, as the routes of the sync protocol always did
	foreign []string       // query parameters that the handler refuses itself
	queried []string       // those of parameters that are in the query; set by Handler
	noted   *telemetry.Route
}

// handler serves one call: a status with a body, or an error. See respond for
// what a body may be.
type handler func(*call) (status int, body any, err error)

// guard refuses a call, or notes on it what it has proven. The other fields are
// what it adds to the description of every route behind it.
type guard struct {
	check      func(*call) error
	demanded   auth.Rights       // of which the token must have one; zero: none
	security   map[string]object // schemes, by name
	instead    map[string]object // schemes that may stand in their place
	parameters []parameter
	headers    []header // of a response
	codes      []fault.Code
}

// The guards of a route, in the order in which they refuse.

func (a *API) open() []guard { return []guard{deadlineGuard} }

// allowed are the guards of every route behind a token. One of the demanded rights is
// enough.
func (a *API) allowed(demanded auth.Rights) []guard {
	return []guard{a.tokenGuard(), a.tenantGuard(), a.rightsGuard(demanded), deadlineGuard}
}

func (a *API) signed(demanded auth.Rights) []guard {
	return append(a.allowed(demanded), a.usageGuard())
}

func (a *API) opening(demanded auth.Rights) []guard {
	return append(a.allowed(demanded), a.openingGuard())
}

func (a *API) inSession(demanded auth.Rights) []guard {
	return append(a.allowed(demanded), a.sessionGuard(), a.usageGuard())
}

func (a *API) synced(demanded auth.Rights) []guard {
	return append(a.inSession(demanded), epochGuard)
}

// routes is the whole URL map. The routes of items are in routes_items.go.
func (a *API) routes() []route {
	routes := []route{
		{
			method: "GET", pattern: "/healthz", guards: a.open(), handle: a.health, lenient: true, probe: true,
			id: "getHealth", tag: "service", summary: "Whether the process runs",
			success: success{text: "ok"},
		},
		{
			method: "GET", pattern: "/readyz", guards: a.open(), handle: a.ready, lenient: true, probe: true,
			id: "getReadiness", tag: "service", summary: "Whether tokens can be checked and the store answers",
			success: success{text: "ok"},
			codes:   []fault.Code{fault.Unavailable, fault.DeadlineExceeded},
		},
		{
			method: "GET", pattern: "/v1/sync/info", guards: a.open(), handle: a.info, lenient: true,
			id: "getInfo", tag: "service", summary: "What this API offers",
			success: success{schema: schemaRef("Info")},
		},
		{
			method: "POST", pattern: "/v1/sync/sessions", guards: a.opening(auth.Either), handle: a.openSession, lenient: true,
			id: "openSession", tag: "sessions", summary: "Open a sync session of 30 minutes",
			success: success{
				status: http.StatusCreated, schema: schemaRef("Session"), headers: []header{epochHeader},
				links: object{"read": link("getSession", "id", "id"), "end": link("endSession", "id", "id")},
			},
		},
		{
			method: "GET", pattern: "/v1/sync/sessions/{id}", guards: a.signed(auth.Either), handle: a.readSession, lenient: true,
			id: "getSession", tag: "sessions", summary: "Read a session",
			success: success{schema: schemaRef("Session")},
		},
		{
			method: "DELETE", pattern: "/v1/sync/sessions/{id}", guards: a.signed(auth.Either), handle: a.endSession, lenient: true,
			id: "endSession", tag: "sessions", summary: "End a session",
			success: success{status: http.StatusNoContent},
			codes:   []fault.Code{fault.DiskFull},
		},
		{
			method: "GET", pattern: "/v1/sync/state", guards: a.inSession(auth.Read), handle: a.state, lenient: true,
			id: "getState", tag: "account", summary: "The user's epoch, last wipe and usage",
			success: success{schema: schemaRef("State")},
		},
		{
			method: "POST", pattern: "/v1/sync/wipe", guards: a.inSession(auth.Write), handle: a.wipe,
			id: "wipe", tag: "account", summary: "Delete all that the user has, and end all sessions",
			parameters: []parameter{dryRunParameter},
			body:       &body{schema: schemaRef("Confirmation"), example: object{"confirm": "WIPE"}},
			success:    success{schema: schemaRef("Wiped")},
			codes:      []fault.Code{fault.ConfirmationRequired, fault.DiskFull},
		},
	}
	routes = append(routes, a.batchRoute(), a.overviewRoute(), a.searchRoute(), a.namedRoute())
	for _, e := range entity.Table {
		routes = append(routes, a.itemRoutes(e)...)
		routes = append(routes, a.partRoutes(e)...)
		routes = append(routes, a.syncRoutes(e)...)
		routes = append(routes, a.historyRoutes(e)...)
	}
	routes = append(append(routes, a.pastRoutes()...), a.operatorRoute())
	if a.Login != nil {
		routes = append(append(routes, a.loginAccountRoutes()...), a.loginTokenRoutes()...)
	}
	return append(routes, a.documentRoute(routes))
}

// documentRoute serves the description of all routes, itself included. The
// document is made when it is first asked for.
func (a *API) documentRoute(others []route) route {
	this := route{
		method: "GET", pattern: "/openapi.json", guards: a.open(), lenient: true,
		id: "getDocument", tag: "service", summary: "This document",
		success: success{schema: object{"type": "object"}},
	}
	all := append(slices.Clone(others), this)
	made := sync.OnceValue(func() rawJSON { return document(all) })
	this.handle = func(*call) (int, any, error) { return http.StatusOK, made(), nil }
	return this
}

// Handler serves every route. Paths are taken literally: a path that would have
// to be cleaned first is unknown, and nothing is ever redirected.
func (a *API) Handler() http.Handler {
	byPattern := map[string]methods{}
	for _, route := range a.routes() {
		if byPattern[route.pattern] == nil {
			byPattern[route.pattern] = methods{}
		}
		route.queried = route.queryNames()
		route.noted = a.Metrics.Route(route.method, route.pattern)
		byPattern[route.pattern][route.method] = &route
	}
	mux := http.NewServeMux()
	for pattern, methods := range byPattern {
		mux.Handle(pattern, a.serve(pattern, methods))
	}
	unknown := a.serve("unknown", nil)
	mux.Handle("/", unknown)
	mux.Handle("/metrics", a.metrics(unknown))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if literal := r.URL.EscapedPath(); path.Clean(literal) != literal || literal[0] != '/' {
			unknown.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
