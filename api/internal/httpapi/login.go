package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/login"
)

// maxLoginBody is more than any body of /v1/login needs.
const maxLoginBody = 16 << 10

// loginGuards are those of every route under /v1/login, which only the gateway may use. They
// have no user: the signature is all that opens them, so it is demanded always, and one of
// version 1, which does not say for what it was made, is none.
func (a *API) loginGuards() []guard {
	signed := a.tenantGuard()
	signed.check, signed.instead = a.checkWhole, nil
	signed.codes = append(signed.codes, fault.RouteNotFound) // where users sign in elsewhere
	return []guard{signed, deadlineGuard}
}

func (a *API) checkWhole(c *call) (err error) {
	c.proven, err = a.Tenant.CheckWhole(c.Request)
	return c.nameProcess(err)
}

// loginDo is what a route of /v1/login does with its body.
type loginDo[In, Out any] func(ctx context.Context, in In) (Out, error)

// loginNone is the answer of a route that has nothing to say.
type loginNone struct{}

// quiet is what a route does that has nothing to say.
func quiet[In any](do func(ctx context.Context, in In) error) loginDo[In, loginNone] {
	return func(ctx context.Context, in In) (loginNone, error) { return loginNone{}, do(ctx, in) }
}

// loginRoute is a row of the URL map under /v1/login, such as that of accounts/add. Its
// body and its answer are described by their types.
func loginRoute[In, Out any](a *API, path, summary string, do loginDo[In, Out], codes ...fault.Code) route {
	sent := schemaOf(reflect.TypeFor[In]())
	return route{
		method: "POST", pattern: "/v1/login/" + path, guards: a.loginGuards(),
		id: "login" + camel(strings.ReplaceAll(path, "/", "_")), tag: "login", summary: summary,
		body:    &body{schema: sent, optional: len(sent["required"].([]string)) == 0},
		success: success{schema: schemaOf(reflect.TypeFor[Out]())},
		codes:   codes,
		handle: func(c *call) (int, any, error) {
			var in In
			if err := c.readLogin(&in); err != nil {
				return 0, nil, err
			}
			out, err := do(c.loginContext(), in)
			if err != nil {
				return 0, nil, c.loginFault(err)
			}
			return http.StatusOK, out, nil
		},
	}
}

// loginContext is that of the request, and knows with what it was sent.
func (c *call) loginContext() context.Context {
	return login.WithOrigin(c.Context(), journal.Origin{Client: c.word(headerClient), Tool: c.word(headerTool), Correlation: c.correlationID})
}

// readLogin reads the body into a struct. What is wrong with it is not quoted, as it may be a
// secret.
func (c *call) readLogin(into any) error {
	content, err := readBody(c, maxLoginBody)
	if err != nil {
		return err
	}
	if len(content) == 0 {
		content = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalidLogin()
	}
	if _, err := decoder.Token(); err != io.EOF {
		return invalidLogin()
	}
	if bytes.Contains(content, []byte(`\u0000`)) && hasNUL(content) {
		return invalidLogin()
	}
	return nil
}

// hasNUL reports whether a string of a JSON text has a NUL, which PostgreSQL does not store.
func hasNUL(content []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(content))
	for {
		token, err := decoder.Token()
		if text, isText := token.(string); isText && strings.ContainsRune(text, 0) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

func invalidLogin() error {
	return fault.New(fault.InvalidJSON, "invalid JSON: the body must be an object with the keys that /openapi.json names")
}

// loginFault says when a caller may try again who was told to wait.
func (c *call) loginFault(err error) error {
	var wait *login.Wait
	if errors.As(err, &wait) {
		c.setRetryAfter(wait.For)
	}
	return err
}
