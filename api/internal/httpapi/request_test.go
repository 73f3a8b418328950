package httpapi

import (
	"errors"
	"net/http"
	"regexp"
	"testing"

	"toolbridge/api/internal/fault"
)

// FuzzIfMatch: a header is either one version or a refusal, never ignored.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{"3", `"3"`, "+3", `"-3"`, "*", `W/"3"`, "", `"`, `""`, "3,4", "3.0", "999999999999999999999999999999"} {
		f.Add(seed)
	}
	version := regexp.MustCompile(`^("[+-]?[0-9]+"|[+-]?[0-9]+)$`)
	f.Fuzz(func(t *testing.T, value string) {
		condition, err := ifMatch(http.Header{"If-Match": {value}})
		if err == nil && (condition == nil || !version.MatchString(value)) {
			t.Fatalf("%q was taken as %v", value, condition)
		}
		var refused *fault.Error
		if err != nil && (!errors.As(err, &refused) || refused.Code != fault.InvalidIfMatch) {
			t.Fatalf("%q was refused as %v", value, err)
		}
	})
}
