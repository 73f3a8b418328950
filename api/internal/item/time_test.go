package item_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"toolbridge/api/internal/item"
)

func TestATimeIsReadInEveryUsualSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31":                           "2026-01-31T00:00:00Z",
		"2026-01-31T12:30":                     "2026-01-31T12:30:00Z",
		"2026-01-31T12:30:15":                  "2026-01-31T12:30:15Z",
		"2026-01-31 12:30:15":                  "2026-01-31T12:30:15Z",
		"2026-01-31t12:30:15z":                 "2026-01-31T12:30:15Z",
		"2026-01-31T12:30:15.5":                "2026-01-31T12:30:15.5Z",
		"2026-01-31T12:30:15,123456789012Z":    "2026-01-31T12:30:15.123Z",
		"2026-01-31T12:30:15.999999+02:00":     "2026-01-31T10:30:15.999Z",
		"2026-01-31T12:30:15+0200":             "2026-01-31T10:30:15Z",
		"2026-01-31T12:30:15+02":               "2026-01-31T10:30:15Z",
		"2026-01-31T12:30:15 02:00":            "2026-01-31T10:30:15Z",
		"2026-01-31T12:30-0530":                "2026-01-31T18:00:00Z",
		"2024-02-29":                           "2024-02-29T00:00:00Z",
		"0001-01-01":                           "0001-01-01T00:00:00Z",
		"2026-01-31T00:00:00.0000000001+00:00": "2026-01-31T00:00:00Z",
	} {
		if got, ok := item.ParseTime(text); !ok || got.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, got, ok, want)
		}
	}
}

func TestWhatIsNoTimeIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "2026", "2026-01", "2026-13-45", "2026-02-30", "2025-02-29", "2026-1-31", "20260131", "1769817600000", "yesterday",
		"2026-01-31T", "2026-01-31T25:00", "2026-01-31T24:00:00", "2026-01-31T12", "2026-01-31T12:60", "2026-01-31T3:04", "2026-01-31T12:30.5",
		"2026-01-31T12:30:15+2", "2026-01-31T12:30:15+25:00", "2026-01-31T12:30:15+02:60", "2026-01-31Z", "2026-01-31+02:00",
		"2026-01-31T12:30:15ZZ", "2026-01-31\n", " 2026-01-31", "２０２６-01-31", "0000-01-01", "12026-01-31", "-2026-01-31", "2026-01-31T12:30:15.Z",
	} {
		if got, ok := item.ParseTime(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

// The gateway's tests read the same file: what one half takes, the other takes too.
func TestTheGatewayReadsTheSameTimes(t *testing.T) {
	text, err := os.ReadFile("testdata/times.json")
	if err != nil {
		t.Fatal(err)
	}
	var times struct {
		Accepted map[string]time.Time
		Refused  []string
	}
	if err := json.Unmarshal(text, &times); err != nil {
		t.Fatal(err)
	}
	for text, want := range times.Accepted {
		if got, ok := item.ParseTime(text); !ok || got != item.MillisOf(want) {
			t.Errorf("%s: %s, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range times.Refused {
		if got, ok := item.ParseTime(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}
