package telemetry

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"toolbridge/api/internal/fault"
)

// statementSeconds belongs to the process, as the names of statements do.
var statementSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "db_client_operation_duration_seconds",
	Help:    "Time of a statement, of the statements that are sent together, or of a wait for a turn or a connection.",
	Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
}, []string{"db_system_name", "db_operation_name", "error_type"})

// Statement is a statement of a store, or what a store waits for, by its name. The names
// are those that the program declares, so that there are few.
type Statement struct {
	system, name string
	succeeded    func() prometheus.Observer // of a statement that was run once at least, as those of the other store never are
	attributes   trace.SpanStartOption
}

// NewStatement returns a statement of a database system by a name of the program's own.
func NewStatement(system, name string) *Statement {
	return &Statement{
		system: system, name: name,
		succeeded: sync.OnceValue(func() prometheus.Observer { return statementSeconds.WithLabelValues(system, name, "") }),
		attributes: trace.WithAttributes(
			semconv.DBSystemNameKey.String(system), semconv.DBOperationName(name)),
	}
}

// Run runs do, which runs the statement, and notes how long that took and whether it
// failed. It returns what do returns.
func (s *Statement) Run(ctx context.Context, do func() error) error {
	began := time.Now()
	err := do()
	took := time.Since(began)
	failure := failureOf(err)
	if failure == "" {
		s.succeeded().Observe(took.Seconds())
	} else {
		statementSeconds.WithLabelValues(s.system, s.name, failure).Observe(took.Seconds())
	}
	if r := requestOf(ctx); r != nil {
		r.store.Add(int64(took))
		if r.statements.Add(1) <= maxSpans && r.tracer != nil {
			s.trace(r, began, took, failure)
		}
	}
	return err
}

// trace makes the span when the statement has ended, so that nothing is made where the
// request is not traced.
func (s *Statement) trace(r *Request, began time.Time, took time.Duration, failure string) {
	_, span := r.tracer.Start(r.Context, s.name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began), s.attributes)
	if failure != "" {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(failure))
	}
	span.End(trace.WithTimestamp(began.Add(took)))
}

// failureOf is the code of an error that is the store's fault; empty for none. That a row
// is not there, or a rule refuses a write, is no failure of the store.
func failureOf(err error) string {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return ""
	}
	var f *fault.Error
	switch {
	case !errors.As(err, &f):
		return string(fault.Internal)
	case fault.Codes[f.Code].Status >= http.StatusInternalServerError && f.Code != fault.QuotaExceeded:
		return string(f.Code)
	}
	return ""
}
