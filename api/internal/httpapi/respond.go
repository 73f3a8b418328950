package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"toolbridge/api/internal/fault"
)

// text is a body sent as plain text; rawJSON is one that is JSON already.
type (
	text    string
	rawJSON []byte
)

// respond writes an answer. The body is nil for none, text, rawJSON, or a value
// to encode.
func respond(w http.ResponseWriter, status int, body any) error {
	if body == nil {
		w.WriteHeader(status)
		return nil
	}
	contentType, encoded := "application/json", []byte(nil)
	switch body := body.(type) {
	case text:
		contentType, encoded = "text/plain; charset=utf-8", []byte(body)
	case rawJSON:
		encoded = body
	default:
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	_, err := w.Write(encoded)
	return err
}

// failure gives the answer to an error: a fault as it says of itself, anything
// else as an internal error that says nothing.
func failure(c *call, err error) (status int, body any) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.New(fault.Internal, "internal error; quote the correlation id when you report it")
	}
	switch f.Code {
	case fault.Unauthorized:
		c.reply.Set("WWW-Authenticate", "Bearer")
	case fault.EpochMismatch:
		c.tellWipe(f)
	case fault.Unavailable, fault.OutcomeUnknown:
		c.reply.Set("Retry-After", "1") // second
	}
	answer := map[string]any{"error": f.Message, "code": f.Code, "correlation_id": c.correlationID}
	if f.Details != nil {
		answer["details"] = f.Details
	}
	maps.Copy(answer, f.Top)
	return fault.Codes[f.Code].Status, answer
}
