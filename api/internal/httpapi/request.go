package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

const headerCorrelation = "X-Correlation-Id"

// call is one request on its way: what it asks and what the guards have proven.
type call struct {
	*http.Request
	writer        http.ResponseWriter
	reply         http.Header // of the answer; Header is the request's
	correlationID string
	caller        auth.Caller
	owner         account.Owner
	opened        account.Session // the sync session, once its guard has passed
	inBand        bool            // whether this very request opened it
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{Request: r, writer: w, reply: w.Header(), correlationID: r.Header.Get(headerCorrelation)}
	if !usableCorrelation(c.correlationID) {
		c.correlationID = uuid.NewString()
	}
	c.reply.Set(headerCorrelation, c.correlationID)
	return c
}

// usableCorrelation takes 1 to 128 visible ASCII characters.
func usableCorrelation(id string) bool {
	invisible := func(r rune) bool { return r < '!' || r > '~' }
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, invisible)
}

// readBody reads the whole body, up to limit.
func readBody(c *call, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.writer, c.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fault.New(fault.BodyTooLarge, "request body is larger than %d bytes", limit).
			With(fault.Facts{"maxBytes": limit})
	case err != nil:
		return nil, fault.New(fault.InvalidJSON, "invalid JSON: the body ended early").Because(err)
	}
	return body, nil
}

// textOf reads a string of a body, "" when it is missing or null. A key counts
// in exactly this spelling: encoding/json would take any case of it.
func textOf(body *item.Payload, key string) (string, error) {
	if !body.Given(key) {
		return "", nil
	}
	text, ok := body.Text(key)
	if !ok {
		return "", wrongType(key, "a string")
	}
	return text, nil
}

func wrongType(key, want string) error {
	return fault.New(fault.InvalidJSON, "%s must be %s", key, want).With(fault.Facts{"field": key})
}

// ifMatch reads the version a write is conditional on, if it is. What cannot be
// read is refused: a client must not believe it is protected when it is not.
func ifMatch(h http.Header) (item.Condition, error) {
	values, present := h["If-Match"]
	if !present {
		return nil, nil
	}
	version, err := strconv.ParseInt(unquoted(values[0]), 10, 64)
	if err != nil || len(values) > 1 {
		return nil, fault.New(fault.InvalidIfMatch, `invalid If-Match: send one version number, such as 3 or "3"`)
	}
	return &version, nil
}

func unquoted(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
