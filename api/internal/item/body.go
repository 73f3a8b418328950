package item

import (
	"encoding/json"
	"slices"

	"toolbridge/api/internal/fault"
)

// onlyFields refuses a field that a request does not have. Place is what stands before
// its name in a sentence.
func onlyFields(sent *Payload, place string, known, others []string) error {
	for _, m := range sent.members {
		if !slices.Contains(known, m.key) && !slices.Contains(others, m.key) {
			name := place + shortened(m.key)
			return fault.New(fault.InvalidJSON, "unknown field: %s (use %s)", name, oneOf(known)).
				With(fault.Facts{"field": name, "fields": known})
		}
	}
	return nil
}

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
