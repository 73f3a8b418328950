package item

import (
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// However little of a payload was read, the text in it is found as far as it goes.
func TestTheTextInTheBeginningOfAPayloadIsFound(t *testing.T) {
	note := entity.Table[0]
	payload := `{"title":"T","tags":["a\"b"],"content":"quo\"te \\ back\\\\ \u00e9\ud83d\ude00 ende","pinned":true,"more":{"x":["deep"]}}`
	const text = "quo\"te \\ back\\\\ é😀 ende"
	whole := textIn(note, []byte(payload))
	if whole != text+"\na\"b\ndeep\n" {
		t.Errorf("whole: %q", whole)
	}
	begins := strings.Index(payload, `"quo`) + 1
	last := ""
	for end := range payload {
		found, _, _ := strings.Cut(textIn(note, []byte(payload[:end])), "\n")
		if end <= begins {
			continue
		}
		if !strings.HasPrefix(text, strings.TrimSuffix(found, "\ufffd")) || len(found) < len(strings.TrimSuffix(last, "\ufffd")) {
			t.Errorf("%d bytes: %q after %q", end, found, last)
		}
		last = found
	}
	for _, junk := range []string{"", "{", `{"`, `{"a`, `{"a"`, `{"a":`, `{"content":"`, `{"content":"\`, `{"content":["a`} {
		_ = textIn(note, []byte(junk))
	}
}
