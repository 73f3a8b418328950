package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

// failing is a store that cannot.
type failing struct{ err error }

func (f failing) Get(context.Context, item.Ref) (*item.Item, error) { return nil, f.err }
func (f failing) GetWithState(context.Context, item.Ref, string) (account.State, *item.Item, error) {
	return account.State{}, nil, f.err
}
func (f failing) List(context.Context, item.Query) (item.Listing, error) {
	return item.Listing{}, f.err
}
func (f failing) Match(context.Context, account.Owner, []entity.Kind, string, int) ([]item.Candidate, error) {
	return nil, f.err
}
func (f failing) LookUp(context.Context, account.Owner, []item.Lookup, int) ([]item.LookedUp, error) {
	return nil, f.err
}
func (f failing) Pick(context.Context, account.Owner, []item.Pick) ([]*item.Item, error) {
	return nil, f.err
}
func (f failing) Families(context.Context, account.Owner, []item.Family, int) ([]item.Members, error) {
	return nil, f.err
}
func (f failing) Tally(context.Context, account.Owner, []entity.Kind, int) ([]item.Tally, error) {
	return nil, f.err
}
func (f failing) Journal(context.Context, item.LineQuery) (item.Lines, error) {
	return item.Lines{}, f.err
}
func (f failing) Search(context.Context, item.Matching) ([]item.Found, bool, error) {
	return nil, false, f.err
}
func (f failing) Write(context.Context, item.Batch) error { return f.err }

// slow is a store whose items can be had only once the client has left.
type slow struct {
	item.Store
	asked chan struct{}
}

func (s slow) Get(ctx context.Context, ref item.Ref) (*item.Item, error) {
	close(s.asked)
	<-ctx.Done()
	return s.Store.Get(ctx, ref)
}

func (s slow) GetWithState(ctx context.Context, ref item.Ref, sessionID string) (account.State, *item.Item, error) {
	close(s.asked)
	<-ctx.Done()
	return s.Store.GetWithState(ctx, ref, sessionID)
}

// lines are the lines of a log, as they are written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestAClientThatLeavesIsNoError(t *testing.T) {
	t.Parallel()
	asked, log := make(chan struct{}), make(lines, 10)
	u := start(t, func(api *httpapi.API) {
		api.Items.Store = slow{api.Items.Store, asked}
		api.Log = slog.New(slog.NewJSONHandler(log, nil))
	}).user("alice")
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", u.url+"/v1/notes/"+someUID, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = u.headers()
	go func() {
		<-asked
		leave()
	}()
	if _, err := http.DefaultTransport.RoundTrip(request); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	line := <-log
	if !strings.Contains(line, `"level":"INFO","msg":"client left"`) || strings.Contains(line, `"status"`) {
		t.Errorf("logged %s", line)
	}
}

func TestAFailingStoreIsToldApartFromABusyOneAndLoggedOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		err    error
		status int
		code   string
		after  string
	}{
		{"broken", errors.New("page 7 is torn"), 500, "internal", ""},
		{"full", fault.New(fault.DiskFull, "the disk is full").Because(errors.New("page 7 is torn")), 507, "disk_full", ""},
		{"busy", fault.New(fault.Unavailable, "try again").Because(errors.New("page 7 is torn")), 503, "unavailable", "1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := start(t, func(api *httpapi.API) { api.Items.Store = failing{row.err} })
			for _, call := range [][3]string{
				{"GET", "/v1/notes", ""}, {"POST", "/v1/notes", "{}"}, {"GET", "/v1/notes/" + someUID, ""},
				{"PUT", "/v1/notes/" + someUID, "{}"}, {"DELETE", "/v1/notes/" + someUID, ""},
				{"POST", "/v1/sync/notes/push", `{"items":[{"uid":"` + someUID + `"}]}`}, {"GET", "/v1/sync/notes/pull", ""},
			} {
				if row.code == "disk_full" && call[0] == "GET" {
					continue // a read needs no room
				}
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
