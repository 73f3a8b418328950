package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/google/uuid"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/telemetry"
)

const headerCorrelation = "X-Correlation-Id"

var correlationHeader = header{headerCorrelation, "The request's own, or a fresh UUID.", "string"}

var correlationParameter = parameter{
	in: "header", name: headerCorrelation,
	description: "Names the request in logs and in the answer: 1 to 128 visible ASCII characters. Anything else is replaced.",
	schema:      object{"type": "string"},
}

// call is one request and what the guards have proven about it.
type call struct {
	*http.Request
	noted         telemetry.Request
	ctx           context.Context // noted, or one made from it
	writer        http.ResponseWriter
	reply         http.Header // of the response; Header is the request's
	correlationID string
	subject       string      // the user's name in the token
	rights        auth.Rights // that the token has
	owner         account.Owner
	proven        auth.Proof // what the signature says about the body
	read          bool       // whether the body was read, into body
	body          []byte
	query         url.Values      // once it is parsed
	reads         *entity.Entity  // whose item in the path the route reads; nil if it reads none
	ahead         *item.Item      // that item, if a guard has read it with what it needs
	opened        account.Session // the sync session, once its guard has passed
	inBand        bool            // whether this request opened it
	dryRun        bool            // whether the request wants nothing to be stored
	minimal       bool            // whether it wants no item in the answer to a write
	bare          bool            // whether it wants payloads without the server's own keys
	bytesIn       int             // of the body that was read
	end           func()          // releases the deadline's timer; must be called
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{Request: r, writer: w, reply: w.Header(), correlationID: r.Header.Get(headerCorrelation), end: func() {}}
	c.noted.Context = r.Context()
	c.ctx = &c.noted
	if !usableCorrelation(c.correlationID) {
		c.correlationID = uuid.NewString()
	}
	c.reply.Set(headerCorrelation, c.correlationID)
	return c
}

// Context is that of the request, with the deadline that it has, and with what is noted of
// it.
func (c *call) Context() context.Context { return c.ctx }

// Headers in which the gateway says for what it calls.
const (
	headerClient = "X-TB-Client"
	headerTool   = "X-TB-Tool"
)

// origin is who sends the request, and with what.
func (c *call) origin() journal.Origin {
	return journal.Origin{By: c.subject, Client: c.word(headerClient), Tool: c.word(headerTool), Correlation: c.correlationID}
}

// word is a header of 1 to 128 visible ASCII characters; empty when it is anything else.
func (c *call) word(header string) string {
	if word := c.Header.Get(header); usableCorrelation(word) {
		return word
	}
	return ""
}

// usableCorrelation accepts 1 to 128 visible ASCII characters.
func usableCorrelation(id string) bool {
	invisible := func(r rune) bool { return r < '!' || r > '~' }
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, invisible)
}

// readBody reads the whole body, up to limit, and refuses one that is not as it was signed. A
// body whose Content-Length is larger is not read at all, and a client that expects "100
// Continue" does not get it.
func readBody(c *call, limit int64) (_ []byte, err error) {
	if !c.read {
		if c.body, err = receiveBody(c, limit); err != nil {
			return nil, err
		}
		c.read = true
	}
	return c.body, c.proven.Body(c.body)
}

// checkUnused refuses a body that is not as it was signed, for a route that does not use one.
func (c *call) checkUnused(limit int64) error {
	if !c.proven.Bound() {
		return nil
	}
	if c.ContentLength == 0 {
		return c.proven.Body(nil)
	}
	_, err := readBody(c, limit)
	return err
}

func receiveBody(c *call, limit int64) ([]byte, error) {
	if c.ContentLength > limit {
		return nil, tooLarge(c, limit)
	}
	body, inTime, err := c.readInTime(limit)
	c.bytesIn = len(body)
	if !inTime {
		c.closeAfterwards()
	}
	var exceeded *http.MaxBytesError
	switch {
	case errors.As(err, &exceeded):
		return nil, tooLarge(c, limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.closeAfterwards()
		return nil, fault.New(fault.RequestTimeout, "the request body did not arrive in time; send the request again").Because(err)
	case err != nil:
		return nil, fault.New(fault.InvalidJSON, "invalid JSON: the body ended early").Because(err)
	}
	return body, nil
}

func tooLarge(c *call, limit int64) error {
	c.closeAfterwards()
	return fault.New(fault.BodyTooLarge, "request body is larger than %d bytes; send less, in several requests if need be", limit).
		With(fault.Facts{"maxBytes": limit})
}

// closeAfterwards closes the connection after the response, because there is still a
// body on it: otherwise the server would wait for that body before it responds.
func (c *call) closeAfterwards() { c.reply.Set("Connection", "close") }

// textOf reads a string of a body, "" when it is missing or null. The key must have
// exactly this spelling: encoding/json would accept any case.
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
