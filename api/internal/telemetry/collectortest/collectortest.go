// Package collectortest is a collector of traces for tests, which speaks OTLP over HTTP.
package collectortest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Path is where a collector takes traces.
const Path = "/v1/traces"

// Span is a span as it arrived, with the attributes of its resource.
type Span struct {
	*trace.Span
	Resource map[string]any
}

// ID is its id in hexadecimal, and Trace and Parent are those of its trace and parent.
func (s Span) ID() string     { return hex.EncodeToString(s.SpanId) }
func (s Span) Trace() string  { return hex.EncodeToString(s.TraceId) }
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Noted is its attributes.
func (s Span) Noted() map[string]any { return attributes(s.Attributes) }

// Collector takes spans.
type Collector struct {
	URL string // without the path

	mu      sync.Mutex
	spans   []Span
	raw     []byte
	headers http.Header
}

// Start starts a collector that ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("the collector got %s %s: %v", r.Method, r.URL, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &sent); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw, c.headers = append(c.raw, raw...), r.Header
	for _, of := range sent.ResourceSpans {
		resource := attributes(of.GetResource().GetAttributes())
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans = append(c.spans, Span{span, resource})
			}
		}
	}
	return nil
}

// Wait returns all spans once there are as many as n, and fails the test if they do not come.
func (c *Collector) Wait(t testing.TB, n int) []Span {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if spans := c.Spans(); len(spans) >= n {
			return spans
		}
	}
	t.Fatalf("%d spans came, want %d", len(c.Spans()), n)
	return nil
}

// Spans is those that came so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Raw is all bytes that came, and the headers of the last request.
func (c *Collector) Raw() ([]byte, http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.raw...), c.headers
}

func attributes(list []*common.KeyValue) map[string]any {
	all := make(map[string]any, len(list))
	for _, one := range list {
		switch value := one.Value.GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[one.Key] = value.StringValue
		case *common.AnyValue_IntValue:
			all[one.Key] = value.IntValue
		default:
			all[one.Key] = one.Value.String()
		}
	}
	return all
}
