package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
)

const (
	headerIdempotency = "Idempotency-Key"
	headerReplayed    = "Idempotency-Replayed"
	maxKey            = 255
)

var idempotencyKeyParameter = parameter{
	in: "header", name: headerIdempotency, description: "Do it once, however often it is sent.",
	schema:  object{"type": "string", "pattern": "^[!#-~]{1,255}$"},
	headers: []header{{headerReplayed, "true, when the answer is that of an earlier request with the key.", "string"}},
	codes:   []fault.Code{fault.InvalidIdempotencyKey, fault.IdempotencyKeyReused},
}

// rendering is how a kind of write is answered.
type rendering func(*item.Item) item.Answer

func created(next *item.Item) item.Answer {
	return item.Answer{Status: http.StatusCreated, Body: whole(next)}
}
func changed(next *item.Item) item.Answer {
	return item.Answer{Status: http.StatusOK, Body: whole(next)}
}
func removed(next *item.Item) item.Answer {
	return item.Answer{Status: http.StatusOK, Body: next.AppendShortJSON(nil)}
}

// once reads the key of a write; nil when it has none.
func once(c *call, target item.Target, condition item.Condition, body []byte, render rendering) (*item.Once, error) {
	values, present := c.Header[headerIdempotency]
	if !present {
		return nil, nil
	}
	key, ok := keyOf(values[0])
	if !ok || len(values) > 1 {
		return nil, fault.New(fault.InvalidIdempotencyKey, "invalid Idempotency-Key: send one of 1 to %d visible ASCII characters", maxKey)
	}
	return &item.Once{Key: key, Request: requestDigest(c, target, condition, body), Answer: render}, nil
}

// keyOf reads a key, bare or as a quoted string of RFC 8941.
func keyOf(value string) (key string, ok bool) {
	if strings.HasPrefix(value, `"`) {
		if value, ok = unescaped(value); !ok {
			return "", false
		}
	}
	invisible := func(r rune) bool { return r < '!' || r > '~' }
	return value, value != "" && len(value) <= maxKey && !strings.ContainsFunc(value, invisible)
}

// unescaped gives what a quoted string says.
func unescaped(value string) (text string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '"':
			return b.String(), i == len(value)-1
		case '\\':
			if i++; i == len(value) || value[i] != '"' && value[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(value[i])
	}
	return "", false
}

// requestDigest tells requests apart: by method, route, item, condition and body.
func requestDigest(c *call, target item.Target, condition item.Condition, body []byte) string {
	expected := "any"
	if condition != nil {
		expected = fmt.Sprint(*condition)
	}
	digest := sha256.New()
	fmt.Fprintf(digest, "%s %s %s %s\n", c.Method, c.Pattern, target.UID, expected)
	digest.Write(body)
	return hex.EncodeToString(digest.Sum(nil))
}

// written answers a write, or as an earlier one with its key was answered.
func written(c *call, target item.Target, render rendering, next *item.Item, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	if target.Once != nil && target.Once.Replayed != nil {
		c.reply.Set(headerReplayed, "true")
		return target.Once.Replayed.Status, rawJSON(target.Once.Replayed.Body), nil
	}
	answer := render(next)
	return answer.Status, rawJSON(answer.Body), nil
}
