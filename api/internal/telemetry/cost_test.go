package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/telemetry"
)

// BenchmarkStatement is what a statement costs beside itself, with traces off.
func BenchmarkStatement(b *testing.B) {
	request := &telemetry.Request{Context: b.Context()}
	ctx, cancel := context.WithTimeout(request, time.Hour)
	defer cancel()
	statement := telemetry.NewStatement("test", "nothing")
	nothing := func() error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = statement.Run(ctx, nothing)
	}
}

// BenchmarkRequest is what the metrics of a request cost.
func BenchmarkRequest(b *testing.B) {
	route := telemetry.NewMetrics("1").Route("GET", "/v1/notes/{uid}")
	b.ReportAllocs()
	for b.Loop() {
		route.Note(200, "", time.Millisecond)
	}
}

// BenchmarkTrace is what a request and its statement cost when they are traced, until the
// collector has them.
func BenchmarkTrace(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	to := telemetry.TracesTo{Exporter: telemetry.OTLP, Endpoint: collector.URL + "/v1/traces", Version: "1"}
	tracing, err := telemetry.StartTracing(b.Context(), to, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	statement, nothing := telemetry.NewStatement("test", "nothing"), func() error { return nil }
	sent := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
	b.ReportAllocs()
	for b.Loop() {
		request := &telemetry.Request{Context: b.Context()}
		request.Begin(tracing, sent, "GET", "/v1/notes/{uid}", "1b4e28ba-2fa1-11d2-883f-0016d3cca427")
		_ = statement.Run(request, nothing)
		request.End(200, "")
	}
	tracing.Close()
}

func TestAStatementReturnsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	statement, failed := telemetry.NewStatement("test", "failing"), fault.New(fault.Unavailable, "no")
	if err := statement.Run(t.Context(), func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("returned %v", err)
	}
}
