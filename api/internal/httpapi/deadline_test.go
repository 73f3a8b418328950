package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/httpapi"
)

const sentenceTimeUp = "the caller's time was up before the work was done; nothing was written"

// waiting sends how many milliseconds the caller waits.
func waiting(ms string) header { return set("X-Request-Timeout-Ms", ms) }

func TestTheAPISaysThatItHeedsDeadlines(t *testing.T) {
	t.Parallel()
	if info := start(t).send("GET", "/v1/sync/info", "", nil).is(200).json(); info["deadlines"] != true {
		t.Errorf("info %v", info)
	}
}

func TestACallWithTimeToSpareIsAnsweredAsAnyOther(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, ms := range []string{"60000", "600000", "0060000"} {
		u.call("POST", "/v1/notes", "{}", waiting(ms)).is(201)
		u.call("GET", "/v1/notes", "", waiting(ms)).is(200)
		u.send("GET", "/healthz", "", http.Header(waiting(ms))).is(200)
	}
}

func TestATimeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, values := range [][]string{{""}, {"0"}, {"-1"}, {"+5"}, {"1.5"}, {"600001"}, {"99999999999999999999"}, {"5s"}, {" "}, {"5", "5"}} {
		sent := header{"X-Request-Timeout-Ms": values}
		u.signing(auth.V1).call("POST", "/v1/notes", "{}", sent).fails(400, "invalid_timeout").
			says("invalid X-Request-Timeout-Ms: send one whole number of milliseconds from 1 to 600000")
		u.send("GET", "/readyz", "", http.Header(sent)).fails(400, "invalid_timeout")
		u.send("GET", "/v1/notes", "", http.Header(sent)).fails(401, "unauthorized")
	}
	if left := u.call("GET", "/v1/notes", "").is(200); string(left.body) != `{"items":[]}` {
		t.Errorf("written: %s", left.body)
	}
}

// writes is a call of every kind that writes to the user's data, some to an item.
func writes(one string) [][3]string {
	return [][3]string{
		{"POST", "/v1/notes", "{}"}, {"PUT", one, "{}"}, {"PATCH", one, `{"a":1}`}, {"DELETE", one, ""}, {"POST", one + "/archive", ""},
		{"POST", one + "/process", `{"action":"pin"}`}, {"POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`},
		{"POST", "/v1/sync/notes/push", `{"items":[{"uid":"` + someUID + `"}]}`},
	}
}

func TestAWriteWhoseCallersTimeIsUpWritesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		one := "/v1/notes/" + u.has(find("note"), "").UID
		before := u.call("GET", "/v1/notes?includeDeleted=true", "").is(200)
		release := u.locked()
		for _, call := range writes(one) {
			for _, key := range []header{nil, keyed("once")} {
				u.call(call[0], call[1], call[2], waiting("30"), key).fails(504, "deadline_exceeded").says(sentenceTimeUp)
			}
		}
		release()
		if after := u.call("GET", "/v1/notes?includeDeleted=true", "").is(200); string(after.body) != string(before.body) {
			t.Errorf("before %s\nafter %s", before.body, after.body)
		}
		u.call("PATCH", one, `{"a":1}`, keyed("once")).is(200) // the key is free
		if log := u.log.String(); strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"level":"WARN","msg":"request"`) {
			t.Errorf("log %s", log)
		}
	})
}

func TestAReadWhoseCallersTimeIsUpEnds(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	u := start(t, func(api *httpapi.API) { api.Items.Store = slow{api.Items.Store, asked} }).user("alice")
	for wait := 20; ; wait *= 2 { // on a busy machine, the time may be up before the item is asked for
		u.call("GET", "/v1/notes/"+someUID, "", waiting(strconv.Itoa(wait))).fails(504, "deadline_exceeded")
		select {
		case <-asked:
			return
		default:
		}
	}
}

func TestABodyThatDoesNotArriveInTheCallersTimeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, line := range []string{"POST /v1/notes", "PUT /v1/notes/" + someUID, "POST /v1/sync/wipe"} {
		u.announced(u.url, line, header{"Content-Length": {"2"}, "X-Request-Timeout-Ms": {"20"}}).fails(504, "deadline_exceeded").says(sentenceTimeUp)
	}
}

// tardy is a body whose end comes when its reading has been ended already.
type tardy struct {
	io.ReadCloser
	hurried <-chan struct{}
}

func (b tardy) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		<-b.hurried
	}
	return n, err
}

// hurrying reports when the reading of its request is ended.
type hurrying struct {
	http.ResponseWriter
	hurried chan<- struct{}
}

func (w hurrying) SetReadDeadline(at time.Time) error {
	err := http.NewResponseController(w.ResponseWriter).SetReadDeadline(at)
	close(w.hurried)
	return err
}

func TestAConnectionWhoseReadingWasEndedIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hurried := make(chan struct{})
		r.Body = tardy{r.Body, hurried}
		u.handler.ServeHTTP(hurrying{w, hurried}, r)
	}))
	t.Cleanup(server.Close)
	request, err := http.NewRequest("POST", server.URL+"/v1/notes", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = u.headers()
	request.Header.Set("X-Request-Timeout-Ms", "50")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 504 || !response.Close {
		t.Errorf("status %d, closes %v", response.StatusCode, response.Close)
	}
}

func TestAWriteWhoseClientHasLeftStopsWaitingAndWritesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		came, log := make(chan struct{}, 100), make(lines, 100)
		u := start(t, announce(came), func(api *httpapi.API) { api.Log = slog.New(slog.NewJSONHandler(log, nil)) }).user("alice")
		one := "/v1/notes/" + u.has(find("note"), "").UID
		before := u.call("GET", "/v1/notes?includeDeleted=true", "").is(200)
		<-came
		<-log
		<-log
		release := u.locked()
		for _, call := range writes(one) {
			u.leaves(call, came)
			line := <-log // while the other process still writes
			left := strings.Contains(line, "context canceled") || strings.Contains(line, "due to user request")
			if !left || !strings.Contains(line, `"level":"INFO","msg":"client left"`) {
				t.Errorf("%v: logged %s", call, line)
			}
		}
		release()
		if after := u.call("GET", "/v1/notes?includeDeleted=true", "").is(200); string(after.body) != string(before.body) {
			t.Errorf("before %s\nafter %s", before.body, after.body)
		}
	})
}

// leaves makes a call, and closes its connection once the write has come to the store.
func (u user) leaves(call [3]string, came <-chan struct{}) {
	u.t.Helper()
	ctx, leave := context.WithCancel(u.t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, call[0], u.url+call[1], strings.NewReader(call[2]))
	if err != nil {
		u.t.Fatal(err)
	}
	request.Header = u.headers()
	go func() {
		<-came
		leave()
	}()
	if _, err := http.DefaultTransport.RoundTrip(request); !errors.Is(err, context.Canceled) {
		u.t.Fatalf("%v: err = %v", call, err)
	}
}
