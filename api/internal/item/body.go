package item

import (
	"encoding/json"

	"toolbridge/api/internal/fault"
)

// readText reads a string; a key that is missing or null leaves the text as it is.
func (p *Payload) readText(key, place string, into *string) error {
	if !p.Given(key) {
		return nil
	}
	text, ok := p.Text(key)
	if !ok {
		return wrongType(place, "a string")
	}
	*into = text
	return nil
}

// list reads the elements of an array, as JSON text.
func (p *Payload) list(key string) (elements []json.RawMessage, err error) {
	raw, _ := p.raw(key)
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, wrongType(key, "an array")
	}
	return elements, nil
}

func wrongType(place, want string) error {
	return fault.New(fault.InvalidJSON, "%s must be %s", place, want).With(fault.Facts{"field": place})
}
