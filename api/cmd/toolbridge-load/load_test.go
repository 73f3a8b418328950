package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestEventsAreReadByLine(t *testing.T) {
	const stream = ": a comment\r\n\r\nevent: endpoint\ndata: /messages/?session_id=1\n\n" +
		"event: message\nid: 7\ndata:{\"a\":\ndata: 1}\n\nevent: nothing\n\ndata: unnamed\r\n\r\ndata: cut off"
	events := newEvents(strings.NewReader(stream))
	for _, want := range [][2]string{
		{"endpoint", "/messages/?session_id=1"},
		{"message", "{\"a\":\n1}"},
		{"", "unnamed"},
	} {
		name, data, err := events.next()
		if err != nil || string(name) != want[0] || string(data) != want[1] {
			t.Fatalf("got %q %q %v, want %q", name, data, err, want)
		}
	}
	if _, _, err := events.next(); err != io.EOF {
		t.Fatalf("an event that is cut off: %v", err)
	}
}

func TestALineLongerThanTheBufferIsWhole(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	events := newEvents(strings.NewReader("data: " + long + "\n\n"))
	if _, data, err := events.next(); err != nil || string(data) != long {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
}

func TestOnlyTheAnswerToTheIdCounts(t *testing.T) {
	for text, want := range map[string]struct {
		found bool
		kind  string
	}{
		`{"jsonrpc":"2.0","id":7,"result":{"content":[]}}`:                         {true, ""},
		` { "id" : 7 , "result" : { "isError" : false, "a": [1, {"b": "]}"}] } } `: {true, ""},
		`{"id":7,"result":{"content":[{"text":"\"isError\":true, \\"}]}}`:          {true, ""},
		`{"id":7,"result":{"structuredContent":{"isError":true}}}`:                 {true, ""},
		`{"result":{"isError":true},"id":7}`:                                       {true, "isError"},
		`{"id":7,"error":{"code":-32602,"message":"no"}}`:                          {true, "error"},
		`{"id":7}`:                            {true, "answer"},
		`{"id":70,"result":{"isError":true}}`: {false, ""},
		`{"id":"7","result":{}}`:              {false, ""},
		`{"method":"notifications/message","params":{"id":7}}`: {false, ""},
		`[]`:                         {false, "answer"},
		``:                           {false, "answer"},
		`{"id":7,"result":{"a":"x}}`: {false, "answer"},
		`{"id" 7}`:                   {false, "answer"},
	} {
		found, err := check([]byte(text), 7)
		kind := ""
		if err != nil {
			kind = kindOf(err)
		}
		if found != want.found || kind != want.kind {
			t.Errorf("%s: %v %q", text, found, kind)
		}
	}
}

func TestQuantilesAreTimesThatWereMeasured(t *testing.T) {
	took := make([]time.Duration, 100)
	for i := range took {
		took[i] = time.Duration(100-i) * time.Millisecond
	}
	quantile := quantiles(took)
	for share, want := range map[float64]float64{0: 1, 0.5: 50, 0.95: 95, 0.99: 99, 1: 100} {
		if got := quantile(share); got != want {
			t.Errorf("%v: %v ms, want %v", share, got, want)
		}
	}
	if got := quantiles(nil)(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestProcessorTimeIsReadBehindTheName(t *testing.T) {
	const stat = "12 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0"
	if got := secondsIn([]byte(stat)); got != 2 {
		t.Errorf("%v s", got)
	}
	if got := secondsIn([]byte("12 (a) S 1")); got != 0 {
		t.Errorf("%v s", got)
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil && secondsOf(os.Getpid()) < 0 {
		t.Error("own time")
	}
}

// server answers MCP over all ways, and REST; what it does with the fifth call
// is the test's business.
type server struct {
	*httptest.Server
	calls, opened atomic.Int64
	streams       sync.Map
	fifth         func(w http.ResponseWriter, answer string) (handled bool)
	asEvents      bool
	seen          atomic.Value
}

func newServer(t *testing.T) *server {
	s := &server{fifth: func(http.ResponseWriter, string) bool { return false }}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sse", s.stream)
	mux.HandleFunc("POST /messages/", s.message)
	mux.HandleFunc("POST /mcp", s.mcp)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.seen.Store(r.Method + " " + r.URL.String() + " " + string(body))
		if s.calls.Add(1) == 5 && s.fifth(w, "") {
			return
		}
		fmt.Fprint(w, "{}")
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Server.Close)
	return s
}

func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	id := fmt.Sprint(s.opened.Add(1))
	answers := make(chan string, 10)
	s.streams.Store(id, answers)
	fmt.Fprintf(w, ": ping\n\nevent: endpoint\ndata: /messages/?session_id=%s\n\n", id)
	w.(http.Flusher).Flush()
	for {
		select {
		case answer := <-answers:
			if answer == "" {
				return
			}
			fmt.Fprintf(w, "event: message\ndata: {\"method\":\"notifications/progress\"}\n\n")
			fmt.Fprintf(w, "event: message\ndata: %s\n\n", answer)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// answer is what a message gets, and whether it is a notification.
func (s *server) answer(r *http.Request) (text string, notification bool) {
	body, _ := io.ReadAll(r.Body)
	var message struct {
		ID     *int
		Method string
	}
	if json.Unmarshal(body, &message) != nil || message.ID == nil {
		return "", true
	}
	if message.Method == "tools/call" {
		s.seen.Store(r.Header.Get("Mcp-Name") + " " + string(body))
		s.calls.Add(1)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, *message.ID), false
}

func (s *server) message(w http.ResponseWriter, r *http.Request) {
	stream, _ := s.streams.Load(r.URL.Query().Get("session_id"))
	answers := stream.(chan string)
	answer, notification := s.answer(r)
	if s.calls.Load() == 5 && s.fifth(w, answer) {
		s.calls.Add(1)
		answers <- ""
		return
	}
	w.WriteHeader(http.StatusAccepted)
	if !notification {
		answers <- answer
	}
}

func (s *server) mcp(w http.ResponseWriter, r *http.Request) {
	answer, notification := s.answer(r)
	if notification {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if strings.Contains(answer, `"id":0`) {
		s.opened.Add(1)
		w.Header().Set("Mcp-Session-Id", "one")
	} else if s.calls.Load() == 5 && s.fifth(w, answer) {
		s.calls.Add(1)
		return
	}
	if s.asEvents {
		w.Header().Set("Content-Type", "text/event-stream")
		answer = "event: message\ndata: " + answer + "\n\n"
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	fmt.Fprint(w, answer)
}

func (s *server) plan(way string) plan {
	path := map[string]string{"sse": "/sse", "session": "/mcp", "stateless": "/mcp"}[way]
	one := call{Method: "tools/call", Name: "get", Body: json.RawMessage(`{"name":"get","arguments":{"a":"{unique}"}}`)}
	if way == "rest" {
		one = call{Method: "POST", Path: "/v1/notes?a=b", Body: json.RawMessage(`{"title":"{unique}"}`)}
	}
	one.Keep = true
	return plan{
		URL: s.URL + path, Way: way, Seconds: 0.2, Run: "0badcafe", Watch: map[string]int{"own": os.Getpid()},
		Sessions: []sessionPlan{{Headers: map[string]string{"Authorization": "Bearer x"}, Calls: []call{one}}},
	}
}

func (s *server) run(t *testing.T, p plan) report {
	t.Helper()
	r, err := p.run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryWayCallsAndCounts(t *testing.T) {
	for _, way := range []string{"rest", "sse", "session", "stateless"} {
		for _, asEvents := range []bool{false, true} {
			t.Run(fmt.Sprint(way, asEvents), func(t *testing.T) {
				s := newServer(t)
				s.asEvents = asEvents
				r := s.run(t, s.plan(way))
				if sent := s.calls.Load(); r.Calls < 5 || int64(r.Calls) > sent || int64(r.Calls) < sent-1 {
					t.Errorf("%d calls, the server saw %d", r.Calls, sent)
				}
				if len(r.Errors) > 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Own <= 0 {
					t.Errorf("%+v", r)
				}
				seen := s.seen.Load().(string)
				if !strings.Contains(seen, "0badcafe-0000-4000-8000-00000") {
					t.Errorf("no unique text in %s", seen)
				}
				if way == "stateless" && !strings.HasPrefix(seen, "get ") {
					t.Errorf("no Mcp-Name: %s", seen)
				}
			})
		}
	}
}

func TestFailuresAreCountedByKindAndTheSessionGoesOn(t *testing.T) {
	cut := func(w http.ResponseWriter, _ string) bool {
		conn, _, _ := w.(http.Hijacker).Hijack()
		return conn.Close() == nil
	}
	refuse := func(w http.ResponseWriter, _ string) bool {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return true
	}
	wrong := func(w http.ResponseWriter, answer string) bool {
		_, err := fmt.Fprint(w, strings.Replace(answer, "{}", `{"isError":true}`, 1))
		return err == nil
	}
	for _, c := range []struct {
		way, kind string
		fifth     func(http.ResponseWriter, string) bool
	}{
		{"rest", "read", cut}, {"sse", "read", cut}, {"session", "read", cut}, {"stateless", "read", cut},
		{"rest", "HTTP 503", refuse}, {"sse", "HTTP 503", refuse}, {"session", "HTTP 503", refuse},
		{"session", "isError", wrong}, {"stateless", "isError", wrong},
	} {
		t.Run(c.way+" "+c.kind, func(t *testing.T) {
			s := newServer(t)
			s.fifth = c.fifth
			r := s.run(t, s.plan(c.way))
			if len(r.Errors) != 1 || r.Errors[c.kind] != 1 || r.Examples[c.kind] == "" {
				t.Errorf("%v %v", r.Errors, r.Examples)
			}
			if r.Calls < 6 {
				t.Errorf("%d calls", r.Calls)
			}
			if wanted := map[string]int64{"sse": 2, "session": 2}[c.way]; s.opened.Load() != wanted {
				t.Errorf("opened %d times", s.opened.Load())
			}
		})
	}
}

func TestASoakKeepsWhatWasAcknowledgedAndTheGaps(t *testing.T) {
	s := newServer(t)
	s.fifth = func(w http.ResponseWriter, _ string) bool {
		time.Sleep(2 * longGap)
		http.Error(w, "gone", http.StatusBadGateway)
		return true
	}
	p := s.plan("sse")
	p.Seconds, p.Soak = 0.6, &soakPlan{Pause: 0.001, Retry: 0.001}
	r := s.run(t, p)
	if len(r.Soak.Acknowledged) != r.Calls || r.Calls < 10 {
		t.Errorf("%d acknowledged of %d", len(r.Soak.Acknowledged), r.Calls)
	}
	if unknown := r.Soak.Unknown; len(unknown) != 1 || unknown[0] != "0badcafe-0000-4000-8000-000000000005" {
		t.Errorf("unknown: %v", unknown)
	}
	if events := r.Soak.Events; len(events) != 1 || events[0].Kind != "HTTP 502" {
		t.Errorf("events: %v", events)
	}
	if gaps := r.Soak.Gaps; len(gaps) != 2 || gaps[0].Session != 0 || gaps[1].Session != anySession ||
		gaps[0].To-gaps[0].From < 2*longGap.Seconds() {
		t.Errorf("gaps: %v", gaps)
	}
}

func TestAPlanThatCannotRunSaysWhy(t *testing.T) {
	s := newServer(t)
	for name, change := range map[string]func(*plan){
		"no http address":  func(p *plan) { p.URL = "https://127.0.0.1/mcp" },
		"no way":           func(p *plan) { p.Way = "pigeon" },
		"no calls":         func(p *plan) { p.Sessions[0].Calls = nil },
		"cannot be opened": func(p *plan) { p.URL = s.URL + "/nowhere" },
	} {
		p := s.plan("sse")
		change(&p)
		if _, err := p.run(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
