package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"toolbridge/api/internal/fault"
)

// text is a body sent as plain text; rawJSON is a body that is JSON already.
type (
	text    string
	rawJSON []byte
)

// respond writes a response, and returns how long its body is. The body is text, rawJSON,
// a value to encode, or nil for none.
func respond(w http.ResponseWriter, status int, body any) (sent int, err error) {
	if body == nil {
		w.WriteHeader(status)
		return 0, nil
	}
	contentType, encoded := "application/json", []byte(nil)
	switch body := body.(type) {
	case text:
		contentType, encoded = "text/plain; charset=utf-8", []byte(body)
	case rawJSON:
		encoded = body
	default:
		if encoded, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	return w.Write(encoded)
}

// failure is the response to an error. A fault describes itself; any other error is
// an internal error without details.
func failure(c *call, err error) (status int, body any) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.New(fault.Internal, "internal error; quote the correlation id when you report it")
	}
	switch f.Code {
	case fault.Unauthorized:
		c.reply.Set("WWW-Authenticate", "Bearer")
	case fault.EpochMismatch:
		c.setRefusedEpoch(f)
	case fault.Unavailable, fault.OutcomeUnknown:
		c.reply.Set("Retry-After", "1") // second
	}
	answer := described(f)
	answer["correlation_id"] = c.correlationID
	return fault.Codes[f.Code].Status, answer
}

// described is what an error says of itself.
func described(f *fault.Error) map[string]any {
	said := map[string]any{"error": f.Message, "code": f.Code}
	if f.Details != nil {
		said["details"] = f.Details
	}
	maps.Copy(said, f.Top)
	return said
}
