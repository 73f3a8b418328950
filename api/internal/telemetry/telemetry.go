// Package telemetry is how the process is watched: what is noted of a request and of
// each of its statements goes to metrics, to traces when they are on, and back to the
// request for its log line. Nothing that a user sent or keeps gets into any of it.
package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// maxSpans bounds the spans of the statements of one request. A batch may have
// thousands of statements, which all count in metrics.
const maxSpans = 100

// Request is what is noted of one request while it is served. It is a context, and the
// statements that are run with it, or with one made from it, are noted in it.
type Request struct {
	context.Context
	tracer     trace.Tracer // nil when the request is not traced
	span       trace.Span
	statements atomic.Int64
	store      atomic.Int64 // nanoseconds
}

type requestKey struct{}

// Value implements context.Context.
func (r *Request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// Store is how long the statements so far took, with the waits for their turns and for
// connections.
func (r *Request) Store() time.Duration { return time.Duration(r.store.Load()) }

// requestOf is the request of a context, nil for none.
func requestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}
