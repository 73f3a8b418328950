package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"toolbridge/api/internal/fault"
)

const (
	headerTimeout = "X-Request-Timeout-Ms"
	maxTimeout    = 600_000 // ms
)

// errTimeUp is the cause of a request's end when its caller's time is up.
var errTimeUp = errors.New("the caller's time is up")

var deadlineGuard = guard{
	check: setDeadline,
	parameters: []parameter{{
		in: "header", name: headerTimeout,
		description: "How many milliseconds the caller still waits. When they are up, the work ends and nothing is written.",
		schema:      object{"type": "integer", "minimum": 1, "maximum": maxTimeout},
	}},
	codes: []fault.Code{fault.InvalidTimeout},
}

// setDeadline ends the request when its caller stops waiting, if the caller says
// when that is. It only ever shortens what the API allows itself.
func setDeadline(c *call) error {
	values, present := c.Header[headerTimeout]
	if !present {
		return nil
	}
	ms, err := strconv.ParseUint(values[0], 10, 32)
	if err != nil || ms < 1 || ms > maxTimeout || len(values) > 1 {
		return fault.New(fault.InvalidTimeout, "invalid X-Request-Timeout-Ms: send one whole number of milliseconds from 1 to %d", maxTimeout)
	}
	c.ctx, c.end = context.WithTimeoutCause(c.ctx, time.Duration(ms)*time.Millisecond, errTimeUp)
	return nil
}

// timeUp reports whether the caller no longer waits.
func (c *call) timeUp() bool { return context.Cause(c.Context()) == errTimeUp }

// readInTime reads the body until the caller's time is up. When that comes first,
// the connection cannot serve another request: the server takes the end of a read
// for the end of its client.
func (c *call) readInTime(limit int64) (body []byte, inTime bool, err error) {
	reader := http.MaxBytesReader(c.writer, c.Body, limit)
	if _, limited := c.Context().Deadline(); !limited {
		body, err = io.ReadAll(reader)
		return body, true, err
	}
	cancelled := context.AfterFunc(c.Context(), func() {
		_ = http.NewResponseController(c.writer).SetReadDeadline(time.Now()) // a test's recorder has none
	})
	body, err = io.ReadAll(reader)
	return body, cancelled(), err
}

// deadlineFault replaces the error of a call when nothing was done because the
// caller's time was up.
func deadlineFault(c *call, err error) error {
	var f *fault.Error
	if !c.timeUp() || !errors.As(err, &f) || f.Code != fault.Unavailable && f.Code != fault.RequestTimeout {
		return err
	}
	return fault.New(fault.DeadlineExceeded, "the caller's time was up before the work was done; nothing was written").Because(f)
}
