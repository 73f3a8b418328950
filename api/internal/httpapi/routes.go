// Package httpapi is the REST API: routes, guards, and handlers that turn a
// request into a call of a service and its result into an answer.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// API is what the handlers need. Every field but the switches must be set.
type API struct {
	Items          *item.Service
	Accounts       *account.Service
	Tokens         *auth.Tokens
	Tenant         *auth.TenantGate
	Limits         *Limits
	Ready          func(context.Context) error // whether the store answers
	Log            *slog.Logger
	Now            func() time.Time
	MaxBodyBytes   int64
	InBandSessions bool
	DebugSubjects  bool // development mode: a request may name its user
}

// routes is the whole URL map.
func (a *API) routes() map[string]verbs {
	routes := map[string]verbs{
		"/healthz":      {"GET": a.open(a.health)},
		"/readyz":       {"GET": a.open(a.ready)},
		"/v1/sync/info": {"GET": a.open(a.info)},

		"/v1/sync/sessions":      {"POST": a.sessionOpening(a.openSession)},
		"/v1/sync/sessions/{id}": {"GET": a.signed(a.readSession), "DELETE": a.signed(a.endSession)},

		"/v1/sync/state": {"GET": a.inSession(a.state)},
		"/v1/sync/wipe":  {"POST": a.inSession(a.wipe)},
	}
	for _, e := range entity.Table {
		items, base := collection{a, e}, "/v1/"+e.Segment
		routes[base] = verbs{"GET": a.synced(items.list), "POST": a.synced(items.create)}
		routes[base+"/{uid}"] = verbs{
			"GET":    a.synced(items.get),
			"PUT":    a.synced(items.replace),
			"PATCH":  a.synced(items.patch),
			"DELETE": a.synced(items.remove),
		}
		routes[base+"/{uid}/archive"] = verbs{"POST": a.synced(items.archive)}
		routes[base+"/{uid}/process"] = verbs{"POST": a.synced(items.process)}
		routes["/v1/sync/"+e.Segment+"/push"] = verbs{"POST": a.synced(items.push)}
		routes["/v1/sync/"+e.Segment+"/pull"] = verbs{"GET": a.synced(items.pull)}
	}
	return routes
}

// The guards of a route, in the order in which they answer.

func (a *API) open(h handler) endpoint { return endpoint{h, []guard{a.deadline}, needs{}} }

func (a *API) signed(h handler) endpoint {
	return endpoint{h, []guard{a.bearer, a.tenant, a.deadline, a.usage}, needs{caller: true}}
}

func (a *API) sessionOpening(h handler) endpoint {
	return endpoint{h, []guard{a.bearer, a.tenant, a.deadline, a.opening}, needs{caller: true}}
}

func (a *API) inSession(h handler) endpoint {
	return endpoint{h, []guard{a.bearer, a.tenant, a.deadline, a.session, a.usage}, needs{caller: true, session: true}}
}

func (a *API) synced(h handler) endpoint {
	return endpoint{h, []guard{a.bearer, a.tenant, a.deadline, a.session, a.usage, a.epoch}, needs{caller: true, session: true, epoch: true}}
}

// handler answers one call: a status with a body, or an error. See respond for
// what a body may be.
type handler func(*call) (status int, body any, err error)

// guard refuses a call, or notes on it what it has proven.
type guard func(*call) error

type endpoint struct {
	handle handler
	guards []guard
	needs  needs
}

type verbs map[string]endpoint

// Handler serves every route. Paths are taken as they are: one that would have
// to be cleaned first is unknown, and nothing is ever redirected.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	routes := a.routes()
	a.addDocument(routes)
	for pattern, verbs := range routes {
		mux.Handle(pattern, a.serve(pattern, verbs))
	}
	unknown := a.serve("unknown", nil)
	mux.Handle("/", unknown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if literal := r.URL.EscapedPath(); path.Clean(literal) != literal || literal[0] != '/' {
			unknown.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
