package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"toolbridge/api/internal/fault"
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

// idempotencyKey reads the key of a write; empty when it has none.
func idempotencyKey(h http.Header) (string, error) {
	values, present := h[headerIdempotency]
	if !present {
		return "", nil
	}
	key, ok := keyOf(values[0])
	if !ok || len(values) > 1 {
		return "", fault.New(fault.InvalidIdempotencyKey, "invalid Idempotency-Key: send one of 1 to %d visible ASCII characters", maxKey)
	}
	return key, nil
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

// unescaped is the content of a quoted string.
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

// digest distinguishes requests by method, route, item, condition, the form of the answer
// and body. A request that wants the usual form has the digest that it always had.
func (w *write) digest(c *call) string {
	expected := "any"
	if w.condition != nil {
		expected = fmt.Sprint(*w.condition)
	}
	form := ""
	if c.minimal {
		form += " " + returnMinimal
	}
	if c.bare {
		form += " bare"
	}
	digest := sha256.New()
	fmt.Fprintf(digest, "%s %s %s %s%s\n", c.Method, c.Pattern, w.target.UID, expected, form)
	digest.Write(w.body)
	return hex.EncodeToString(digest.Sum(nil))
}
