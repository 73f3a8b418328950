package item

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

// TimeForm says in a sentence what ParseTime reads.
const TimeForm = "a date or time of ISO 8601, such as 2026-01-31, 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+02:00"

// A space before an offset is a plus sign that a query string has lost.
var iso8601 = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(:\d{2})?([.,]\d+)?([Zz]|[-+ ](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?$`)

// ParseTime reads a date or time of ISO 8601, cut down to milliseconds. A date is its
// midnight, and what names no zone is UTC.
func ParseTime(text string) (Millis, bool) {
	parts := iso8601.FindStringSubmatch(text)
	if parts == nil || parts[3] == "" && parts[4] != "" {
		return 0, false
	}
	date, minute, second := parts[1], cmp.Or(parts[2], "00:00"), cmp.Or(parts[3], ":00")
	fraction := strings.Replace(parts[4], ",", ".", 1)
	parsed, err := time.Parse(time.RFC3339, date+"T"+minute+second+fraction+zone(parts[5]))
	year := parsed.UTC().Year()
	return MillisOf(parsed), err == nil && year >= 1 && year <= 9999
}

// ParseMoment reads what ParseTime reads, or Unix milliseconds.
func ParseMoment(text string) (Millis, bool) {
	if at, ok := ParseTime(text); ok {
		return at, true
	}
	return ParseMillis(text)
}

// zone is the spelling of RFC 3339.
func zone(text string) string {
	switch text = strings.ToUpper(text); len(text) {
	case 0, 1:
		return "Z"
	case len("+02"):
		text += ":00"
	case len("+0200"):
		text = text[:3] + ":" + text[3:]
	}
	return strings.Replace(text, " ", "+", 1)
}
