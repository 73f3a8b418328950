package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

// failing is a store that cannot.
type failing struct{ err error }

func (f failing) Get(context.Context, item.Ref) (*item.Item, error) { return nil, f.err }
func (f failing) List(context.Context, item.Query) ([]item.Item, bool, error) {
	return nil, false, f.err
}
func (f failing) Apply(context.Context, item.Write, item.Change) (*item.Item, error) {
	return nil, f.err
}

func TestAFailingStoreIsToldApartFromABusyOneAndLoggedOnce(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		status int
		code   string
		after  string
	}{
		{"broken", errors.New("page 7 is torn"), 500, "internal", ""},
		{"busy", fault.New(fault.Unavailable, "try again").Because(errors.New("page 7 is torn")), 503, "unavailable", "1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := start(t, func(api *httpapi.API) { api.Items.Store = failing{row.err} })
			for _, call := range [][3]string{
				{"GET", "/v1/notes", ""}, {"POST", "/v1/notes", "{}"}, {"GET", "/v1/notes/" + someUID, ""},
				{"PUT", "/v1/notes/" + someUID, "{}"}, {"DELETE", "/v1/notes/" + someUID, ""},
			} {
				before := strings.Count(p.log.String(), "torn")
				got := p.user("alice").call(call[0], call[1], call[2]).fails(row.status, row.code)
				if strings.Contains(string(got.body), "torn") {
					t.Errorf("the client was told the cause: %s", got.body)
				}
				if after := got.header.Get("Retry-After"); after != row.after {
					t.Errorf("Retry-After %q", after)
				}
				if logged := strings.Count(p.log.String(), "torn") - before; logged != 1 {
					t.Errorf("%s: logged %d times", got.request, logged)
				}
			}
		})
	}
}
