package auth

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// maxDate is the greatest number that all programs read as the same number (RFC
// 7493, section 2.2). As a date it is far beyond any use.
const maxDate = 1<<53 - 1

// checkTimes demands that a token has not expired, and is valid already. No clock
// gets leeway.
func checkTimes(claims members, now time.Time) error {
	expires, present, err := date(claims, "exp")
	if err != nil {
		return err
	}
	begins, _, err := date(claims, "nbf")
	if err != nil {
		return err
	}
	if _, _, err := date(claims, "iat"); err != nil {
		return err
	}
	seconds := float64(now.UnixMicro()) / 1e6
	if !present || expires <= seconds {
		return errors.New("the token has expired, or has no exp")
	}
	if begins > seconds {
		return errors.New("the token is not valid yet")
	}
	return nil
}

// date reads a claim that must be a NumericDate if it is present (RFC 7519, section
// 2). An absent one is before every clock.
func date(claims members, name string) (seconds float64, present bool, err error) {
	sent, present := claims[name]
	if !present {
		return math.Inf(-1), false, nil
	}
	seconds, err = strconv.ParseFloat(string(sent), 64) // of JSON, only a number is one for it
	if err != nil || math.Abs(seconds) > maxDate {
		return 0, true, fmt.Errorf("%s is no date", name)
	}
	return seconds, true, nil
}

// choice is the query of a gateway's address that chooses toolsets.
var choice = regexp.MustCompile(`\?([^#]*&)?toolsets=[^#]*$`)

// meantForOneOf reports whether `aud`, which is a text or a list of texts (RFC 7519,
// section 4.1.3), names one of the audiences. A token for an address that chooses
// toolsets is one for the address without its query too: the choice gives no rights.
func meantForOneOf(claims members, audiences []string) bool {
	isOurs := func(one string) bool {
		return slices.Contains(audiences, one) || slices.Contains(audiences, choice.ReplaceAllString(one, ""))
	}
	if one, isText := claims.text("aud"); isText {
		return isOurs(one)
	}
	named, areTexts := claims.texts("aud")
	return areTexts && slices.ContainsFunc(named, isOurs)
}
