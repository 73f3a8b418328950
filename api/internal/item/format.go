package item

import (
	"maps"
	"slices"

	"toolbridge/api/internal/entity"
)

// checkFormats refuses a sent value that lacks the format of its key. The stored value
// may always be sent again: what a client has read must not keep it from writing.
func checkFormats(e *entity.Entity, sent, stored *Payload) error {
	for _, key := range slices.Sorted(maps.Keys(e.Formats)) {
		value, _ := sent.raw(key)
		before, _ := stored.raw(key)
		if sent.Given(key) && !sameValue(before, value) && !hasFormat(e.Formats[key], sent, key) {
			return invalidField(key, "must be "+formNames[e.Formats[key]]+", or null for none")
		}
	}
	return nil
}

var formNames = map[entity.Format]string{entity.DateOrTime: TimeForm}

func hasFormat(format entity.Format, sent *Payload, key string) bool {
	text, ok := sent.Text(key)
	if ok && format == entity.DateOrTime {
		_, ok = ParseTime(text)
	}
	return ok
}
