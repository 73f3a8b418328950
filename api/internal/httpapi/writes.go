package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

var ifMatchParameter = parameter{
	in: "header", name: "If-Match", description: "Do it only at this version.",
	schema: object{"type": "string", "pattern": `^("[+-]?[0-9]{1,18}"|[+-]?[0-9]{1,18})$`},
	codes:  []fault.Code{fault.InvalidIfMatch, fault.VersionMismatch},
}

// write is a request that changes an item, and how its success is answered.
type write struct {
	target    item.Target
	condition item.Condition
	body      []byte
	render    rendering
}

// rendering makes the answer to a kind of write, in the form that the request wants.
type rendering func(c *call, next *item.Item) item.Answer

func renderCreated(c *call, next *item.Item) item.Answer {
	return item.Answer{Status: http.StatusCreated, Body: c.itemOrChange(next)}
}

func renderItem(c *call, next *item.Item) item.Answer {
	return item.Answer{Status: http.StatusOK, Body: c.itemOrChange(next)}
}

func renderTombstone(c *call, next *item.Item) item.Answer {
	if c.minimal {
		return renderItem(c, next)
	}
	return item.Answer{Status: http.StatusOK, Body: next.AppendShortJSON(nil)}
}

// itemOrChange is an item, or only what the write did to it.
func (c *call) itemOrChange(next *item.Item) []byte {
	if c.minimal {
		return next.AppendMinimal(nil, c.dryRun)
	}
	return itemJSON(next, c.bare)
}

// headSize is about the size of an item without its payload.
const headSize = 200

// itemJSON is an item with its payload.
func itemJSON(found *item.Item, bare bool) []byte {
	return found.AppendJSON(make([]byte, 0, len(found.Payload)+headSize), bare)
}

// readWrite reads a write of an existing item, whose request has no body.
func (col collection) readWrite(c *call, render rendering) (w write, err error) {
	if w, err = col.readCondition(c, render); err != nil {
		return write{}, err
	}
	if err = requireNoDryRun(c, col.api.MaxBodyBytes); err != nil {
		return write{}, err
	}
	err = w.readKey(c, col.api.Items.KeepAnswers)
	return w, err
}

// readWriteWithBody reads a write of an existing item, whose request has a body.
func (col collection) readWriteWithBody(c *call, render rendering) (w write, err error) {
	if w, err = col.readCondition(c, render); err != nil {
		return write{}, err
	}
	if w.body, err = readBody(c, col.api.MaxBodyBytes); err != nil {
		return write{}, err
	}
	err = w.readKey(c, col.api.Items.KeepAnswers)
	return w, err
}

// requireNoDryRun refuses a body that asks for a trial. These routes ignore every other
// body, as old clients may send one.
func requireNoDryRun(c *call, limit int64) error {
	if c.ContentLength == 0 {
		return nil
	}
	body, err := readBody(c, limit)
	if err != nil || len(body) == 0 {
		return err
	}
	if sent, err := item.Decode(body); err == nil {
		return sent.RequireNoDryRun()
	}
	return nil
}

func (col collection) readCondition(c *call, render rendering) (w write, err error) {
	if w.target, err = col.readTarget(c); err != nil {
		return write{}, err
	}
	w.condition, err = ifMatch(c.Header)
	w.render = render
	return w, err
}

// ifMatch reads the version that a write demands, if it demands one. A value that
// cannot be read is refused: a client must not believe that it is protected when
// it is not.
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

// refuseCondition refuses If-Match on a route that may write several items, so that no
// client believes itself protected. Instead says what to do.
func refuseCondition(h http.Header, instead string) error {
	if _, present := h["If-Match"]; present {
		return fault.New(fault.InvalidIfMatch, "If-Match is not for this route: %s", instead)
	}
	return nil
}

func unquoted(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// readKey reads the idempotency key, if there is one, into the target. The answer
// is kept for so long.
func (w *write) readKey(c *call, keep time.Duration) error {
	key, err := idempotencyKey(c.Header)
	if key == "" || err != nil {
		return err
	}
	answer := func(next *item.Item) item.Answer { return w.render(c, next) }
	w.target.Once = &item.Once{Key: key, Request: w.digest(c), Answer: answer, Small: c.minimal, Keep: keep}
	return nil
}

// answer makes the response to a write, or repeats that to an earlier write with
// the same key.
func (w *write) answer(c *call, next *item.Item, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	if once := w.target.Once; once != nil && once.Replayed != nil {
		c.reply.Set(headerReplayed, "true")
		return once.Replayed.Status, rawJSON(once.Replayed.Body), nil
	}
	c.setChange(w.target, next)
	answer := w.render(c, next)
	return answer.Status, rawJSON(answer.Body), nil
}
