package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Where spans go.
const (
	OTLP    = "otlp"    // to a collector
	Console = "console" // to a stream, as JSON
)

// LocalCollector is where OpenTelemetry expects a collector unless a variable names one.
const LocalCollector = "http://localhost:4318/v1/traces"

const (
	service     = "toolbridge-api"
	scope       = "toolbridge/api"
	warnEvery   = time.Minute
	flushWithin = time.Second // supervisord leaves 2 s after the last call
)

var spans = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "toolbridge_api_spans_total", Help: "Spans that the collector took (exported), or that were lost on the way to it (failed).",
}, []string{"result"})

// Tracing sends spans away in the background. A collector that does not answer neither
// slows nor fails a request: spans that it does not take are lost. Nil sends none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// TracesTo is where spans go.
type TracesTo struct {
	Exporter string    // OTLP or Console
	Endpoint string    // of the collector; empty: what a variable names
	Stream   io.Writer // for Console
	Version  string    // of the program
}

// StartTracing begins to send spans, as the OTEL_ variables of the environment say.
func StartTracing(ctx context.Context, to TracesTo, log *slog.Logger) (*Tracing, error) {
	done := collectProblems()
	exporter, err := newExporter(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("traces cannot be sent: %w", err)
	}
	origin, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(to.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES: cannot be read as name=value, separated by commas")
	}
	for _, result := range []string{"exported", "failed"} {
		spans.WithLabelValues(result)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&countedExporter{SpanExporter: exporter, log: log}), sdktrace.WithResource(origin))
	if err := done(); err != nil {
		return nil, err
	}
	return &Tracing{provider: provider, tracer: provider.Tracer(scope, trace.WithInstrumentationVersion(to.Version))}, nil
}

func newExporter(ctx context.Context, to TracesTo) (sdktrace.SpanExporter, error) {
	if to.Exporter == Console {
		return stdouttrace.New(stdouttrace.WithWriter(to.Stream))
	}
	var options []otlptracehttp.Option
	if to.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(to.Endpoint))
	}
	return otlptracehttp.New(ctx, options...)
}

// Close sends what was not sent yet, for a short time at most.
func (t *Tracing) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what it could not send is counted and logged already
}

// Begin begins the span of a request to a route. Its parent is what the header
// traceparent names. The span is sent when End is called.
func (r *Request) Begin(t *Tracing, sent http.Header, method, pattern, correlationID string) {
	if t == nil {
		return
	}
	ctx := propagation.TraceContext{}.Extract(r.Context, propagation.HeaderCarrier(sent))
	name := method
	if pattern != "" {
		name += " " + pattern
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(pattern), semconv.URLScheme("http"),
		attribute.String("toolbridge.correlation_id", correlationID)))
	r.Context, r.span = ctx, span
	if span.IsRecording() {
		r.tracer = t.tracer
	}
}

// End ends the span of a request that was answered with a status, 0 for none, and with an
// error of this code, empty for none.
func (r *Request) End(status int, code string) {
	if r.span == nil {
		return
	}
	noted := append(make([]attribute.KeyValue, 0, 3), attribute.Int64("toolbridge.statements", r.statements.Load()))
	if status > 0 {
		noted = append(noted, semconv.HTTPResponseStatusCode(status))
	}
	if code != "" {
		noted = append(noted, semconv.ErrorTypeKey.String(code))
	}
	if status >= http.StatusInternalServerError {
		r.span.SetStatus(codes.Error, "")
	}
	r.span.SetAttributes(noted...)
	r.span.End()
}

// TraceID is the trace of a request: that of its span, or the one that its caller names.
// It is empty when there is none.
func (r *Request) TraceID(sent http.Header) string {
	named := trace.SpanContext{}
	switch {
	case r.span != nil:
		named = r.span.SpanContext()
	case sent.Get("Traceparent") != "":
		named = trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(sent)))
	}
	if !named.HasTraceID() {
		return ""
	}
	return named.TraceID().String()
}

// countedExporter counts spans, and says once in a while why some were lost.
type countedExporter struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	warned atomic.Int64 // when, in Unix nanoseconds
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *countedExporter) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, batch)
	if err == nil {
		spans.WithLabelValues("exported").Add(float64(len(batch)))
		return nil
	}
	spans.WithLabelValues("failed").Add(float64(len(batch)))
	now, last := time.Now().UnixNano(), e.warned.Load()
	if now-last > int64(warnEvery) && e.warned.CompareAndSwap(last, now) {
		e.log.Warn("traces cannot be sent", "cause", causeOf(err), "spans", len(batch))
	}
	return nil
}

var statusOf = regexp.MustCompile(`: ([1-5][0-9]{2} [A-Za-z' -]+) \(`)

// causeOf says why spans were lost without the address and what the collector answered,
// both of which may have a secret in them.
func causeOf(err error) string {
	var failed *url.Error
	switch {
	case errors.As(err, &failed):
		return failed.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the collector does not answer in time"
	}
	if status := statusOf.FindStringSubmatch(err.Error()); status != nil {
		return "the collector answers " + status[1]
	}
	return "the collector does not take them"
}
