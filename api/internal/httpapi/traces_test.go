package httpapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/telemetry"
	"toolbridge/api/internal/telemetry/collectortest"
)

const (
	someTrace = "0af7651916cd43dd8448eb211c80319c"
	someSpan  = "b7ad6b7169203331"
)

// traced sends the API's spans to a collector. Close sends those that wait.
func traced(t *testing.T, endpoint string, log *lockedBuffer) (option func(*httpapi.API), close func()) {
	t.Helper()
	to := telemetry.TracesTo{Exporter: telemetry.OTLP, Endpoint: endpoint + collectortest.Path, Version: "1.2.3"}
	tracing, err := telemetry.StartTracing(t.Context(), to, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return func(api *httpapi.API) { api.Tracing = tracing }, tracing.Close
}

func TestARequestIsOneTraceDownToItsStatements(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		collector := collectortest.Start(t)
		option, flush := traced(t, collector.URL, &lockedBuffer{})
		p := start(t, option)
		u := p.user("a-subject")
		parent := set("traceparent", "00-"+someTrace+"-"+someSpan+"-01")
		tools := header{"X-TB-Client": {"a-client"}, "X-TB-Tool": {"create_note"}, "X-Correlation-ID": {"corr-1"}}
		note := u.call("POST", "/v1/notes", `{"title":"a-title"}`, parent, tools).is(201).item().UID
		u.call("GET", "/v1/notes/"+note+"?includeDeleted=a-query", "", parent).is(200)
		p.finish()
		flush()

		spans := collector.Spans()
		byName := map[string]collectortest.Span{}
		for _, span := range spans {
			byName[span.Name] = span
			if span.Trace() != someTrace {
				t.Errorf("%s is of the trace %s", span.Name, span.Trace())
			}
			if span.Resource["service.name"] != "toolbridge-api" || span.Resource["service.version"] != "1.2.3" {
				t.Errorf("%s is of %v", span.Name, span.Resource)
			}
		}
		post, get := byName["POST /v1/notes"], byName["GET /v1/notes/{uid}"]
		equal(t, "parents", []string{post.Parent(), get.Parent()}, []string{someSpan, someSpan})
		equal(t, "kind", post.Kind, trace.Span_SPAN_KIND_SERVER)
		noted := post.Noted()
		delete(noted, "toolbridge.statements")
		equal(t, "attributes", noted, map[string]any{
			"http.request.method": "POST", "http.route": "/v1/notes", "http.response.status_code": int64(201),
			"url.scheme": "http", "toolbridge.correlation_id": "corr-1",
		})
		read := byName["read item with state"]
		equal(t, "the statement's parent", read.Parent(), get.ID())
		equal(t, "its kind", read.Kind, trace.Span_SPAN_KIND_CLIENT)
		equal(t, "its attributes", slices.Sorted(maps.Keys(read.Noted())), []string{"db.operation.name", "db.system.name"})
		if read.StartTimeUnixNano < get.StartTimeUnixNano || read.EndTimeUnixNano > get.EndTimeUnixNano || read.EndTimeUnixNano <= read.StartTimeUnixNano {
			t.Errorf("the statement is not within its request: %v %v", read.Span, get.Span)
		}
		below := 0
		for _, span := range spans {
			if span.Parent() == post.ID() {
				below++
			}
		}
		if below < 3 { // state; begin and read; save and commit
			t.Errorf("a write has %d statements", below)
		}
		raw, _ := collector.Raw()
		for _, kept := range []string{"a-subject", "a-title", "a-query", "a-client", note, tokenSecret, u.headers().Get("X-TB-Signature"), strings.Fields(u.headers().Get("Authorization"))[1]} {
			if bytes.Contains(raw, []byte(kept)) {
				t.Errorf("a span has %q", kept)
			}
		}
		if !strings.Contains(p.log.String(), `"trace_id":"`+someTrace+`"`) {
			t.Errorf("log %s", p.log)
		}
	})
}

func TestATraceTellsFailuresFromRefusals(t *testing.T) {
	t.Parallel()
	collector := collectortest.Start(t)
	option, flush := traced(t, collector.URL, &lockedBuffer{})
	u := start(t, option).user("alice")
	u.call("GET", "/v1/notes/"+someUID, "").is(404)
	u.send("BREW", "/v1/nothing", "", nil).is(404)
	release := u.locked()
	u.call("POST", "/v1/notes", `{}`, waiting("50")).is(504)
	release()
	u.finish()
	flush()
	told := map[string][]any{}
	for _, span := range collector.Spans() {
		told[span.Name] = []any{span.Status.GetCode() == trace.Status_STATUS_CODE_ERROR, span.Noted()["error.type"]}
	}
	equal(t, "a missing item", told["GET /v1/notes/{uid}"], []any{false, "not_found"})
	equal(t, "an unknown route", told["_OTHER"], []any{false, "route_not_found"})
	equal(t, "a failure", told["POST /v1/notes"], []any{true, "deadline_exceeded"})
	equal(t, "its statement", told["begin"], []any{true, "unavailable"})
}

func TestACallerThatIsNotSampledIsNotTraced(t *testing.T) {
	t.Parallel()
	collector := collectortest.Start(t)
	option, flush := traced(t, collector.URL, &lockedBuffer{})
	p := start(t, option)
	p.user("alice").call("POST", "/v1/notes", `{}`, set("traceparent", "00-"+someTrace+"-"+someSpan+"-00")).is(201)
	p.finish()
	flush()
	if spans := collector.Spans(); len(spans) > 0 {
		t.Errorf("%d spans came", len(spans))
	}
	if !strings.Contains(p.log.String(), someTrace) {
		t.Errorf("log %s", p.log)
	}
}

func TestProbesAndScrapesAreNotTraced(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		collector := collectortest.Start(t)
		option, flush := traced(t, collector.URL, &lockedBuffer{})
		p := start(t, option)
		parent := http.Header{"Traceparent": {"00-" + someTrace + "-" + someSpan + "-01"}}
		for _, path := range []string{"/healthz", "/readyz"} {
			p.send("GET", path, "", nil).is(200)
			p.send("GET", path, "", parent).is(200)
		}
		p.scrape()
		p.send("GET", "/v1/sync/info", "", nil).is(200)
		p.finish()
		flush()
		names := []string{}
		for _, span := range collector.Spans() {
			names = append(names, span.Name)
		}
		equal(t, "spans", names, []string{"GET /v1/sync/info"})
	})
}

func TestABatchHasAsManySpansAsHelp(t *testing.T) {
	t.Parallel()
	collector := collectortest.Start(t)
	option, flush := traced(t, collector.URL, &lockedBuffer{})
	u := start(t, option).user("alice")
	var pushed []string
	for i := range 90 {
		pushed = append(pushed, u.pushable(find("note"), i, "1000", ""))
	}
	u.call("POST", "/v1/sync/notes/push", `{"items":[`+strings.Join(pushed, ",")+`]}`).is(200)
	u.finish()
	flush()
	spans := collector.Spans()
	push := spans[slices.IndexFunc(spans, func(s collectortest.Span) bool { return s.Parent() == "" })]
	if run := push.Noted()["toolbridge.statements"].(int64); len(spans) != 101 || run < 180 {
		t.Errorf("%d spans of %d statements", len(spans), run)
	}
}

func TestACollectorThatDoesNotWorkCostsNoCall(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "secret-answer")
	}))
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	t.Cleanup(func() {
		close(silent)
		refusing.Close()
		hanging.Close()
	})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, endpoint := range map[string]string{
		"refusing": strings.Replace(refusing.URL, "//", "//user:secret-word@", 1), "hanging": hanging.URL, "gone": "http://" + gone.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			log := &lockedBuffer{}
			option, flush := traced(t, endpoint, log)
			u := start(t, option).user("alice")
			began := time.Now()
			for range 300 {
				u.call("POST", "/v1/notes", `{}`).is(201)
			}
			took := time.Since(began)
			began = time.Now()
			flush()
			if stopping := time.Since(began); took > 30*time.Second || stopping > 3*time.Second {
				t.Errorf("calls took %s, the stop %s", took, stopping)
			}
			if n := strings.Count(log.String(), "\n"); n > 1 || strings.Contains(log.String(), "secret") {
				t.Errorf("logged %s", log)
			}
			if name == "refusing" && !strings.Contains(log.String(), `"cause":"the collector answers 401 Unauthorized"`) {
				t.Errorf("logged %s", log)
			}
		})
	}
}
