package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/login"
	"toolbridge/api/internal/telemetry"
)

// loginTokenRoutes are those of codes, tokens, connections, services and keys.
func (a *API) loginTokenRoutes() []route {
	s := a.Login
	return []route{
		a.loginStateRoute(),
		loginRoute(a, "codes/issue", "Issue a code for what a person has agreed to", s.IssueCode, fault.LoginUnknown, fault.InvalidField, fault.LoginFull, fault.DiskFull),
		loginRoute(a, "codes/read", "What a code stands for", s.ReadCode, fault.LoginUnknown),
		loginRoute(a, "codes/redeem", "Connect a client by its code", issuing(a, telemetry.GrantCode, s.RedeemCode), fault.LoginUnknown, fault.InvalidField, fault.DiskFull),
		loginRoute(a, "refresh/read", "What a refresh token stands for", watching(a, s.ReadRefresh), fault.LoginUnknown),
		loginRoute(a, "refresh/redeem", "Get new tokens for a refresh token", issuing(a, telemetry.GrantRefresh, s.RedeemRefresh), fault.LoginUnknown, fault.InvalidField, fault.RateLimited, fault.DiskFull),
		loginRoute(a, "tokens/revoke", "End the connection of a token", quiet(s.RevokeToken), fault.LoginUnknown, fault.DiskFull),
		loginRoute(a, "connections/list", "What an account has connected", s.ListConnections, fault.LoginUnknown),
		loginRoute(a, "connections/end", "End a connection", quiet(s.EndConnection), fault.LoginUnknown, fault.DiskFull),
		loginRoute(a, "services/add", "Add a service, which signs in with a secret of its own", s.AddService, fault.InvalidField, fault.LoginExists, fault.LoginFull, fault.DiskFull),
		loginRoute(a, "services/list", "List the services", unasked(s.ListServices)),
		loginRoute(a, "services/revoke", "End a service and its tokens", s.RevokeService, fault.LoginUnknown, fault.DiskFull),
		loginRoute(a, "services/token", "Give a service an access token", issuing(a, telemetry.GrantClient, s.IssueServiceToken), fault.LoginUnknown, fault.InvalidField, fault.RateLimited, fault.DiskFull),
		loginRoute(a, "keys/rotate", "Make a new signing key", s.RotateKeys, fault.LoginFull, fault.DiskFull),
	}
}

// loginStateRoute is asked every second by each gateway, and answered from memory.
func (a *API) loginStateRoute() route {
	return route{
		method: "GET", pattern: "/v1/login/state", guards: a.loginGuards(), probe: true, often: true,
		id: "loginState", tag: "login", summary: "Keys and revocations, to check access tokens with",
		success: success{schema: schemaOf(reflect.TypeFor[login.State]())},
		handle: func(c *call) (int, any, error) {
			state, err := a.Login.State()
			return http.StatusOK, state, err
		},
	}
}

// unasked is what a route does whose body says nothing.
func unasked[Out any](do func(ctx context.Context) (Out, error)) loginDo[struct{}, Out] {
	return func(ctx context.Context, _ struct{}) (Out, error) { return do(ctx) }
}

// issuing counts the access tokens that a route gives out.
func issuing[In any](a *API, grant telemetry.Grant, do loginDo[In, login.Tokens]) loginDo[In, login.Tokens] {
	watched := watching(a, do)
	return func(ctx context.Context, in In) (login.Tokens, error) {
		tokens, err := watched(ctx, in)
		if err == nil {
			a.Metrics.TokenIssued(grant)
		}
		return tokens, err
	}
}

// watching counts the refresh tokens that have ended their connection.
func watching[In, Out any](a *API, do loginDo[In, Out]) loginDo[In, Out] {
	return func(ctx context.Context, in In) (Out, error) {
		out, err := do(ctx, in)
		var reused *login.Reused
		if errors.As(err, &reused) {
			a.Metrics.RefreshReused()
		}
		return out, err
	}
}
