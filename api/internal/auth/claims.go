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

// period is when a token is valid, in seconds of Unix time.
type period struct{ begins, expires float64 }

// periodOf reads when a token is valid. One without `exp` has expired.
func periodOf(claims members) (valid period, err error) {
	if valid.expires, err = date(claims, "exp"); err != nil {
		return period{}, err
	}
	if valid.begins, err = date(claims, "nbf"); err != nil {
		return period{}, err
	}
	_, err = date(claims, "iat")
	return valid, err
}

// check refuses a token outside of its period. No clock gets leeway.
func (p period) check(now time.Time) error {
	seconds := float64(now.UnixMicro()) / 1e6
	if p.expires <= seconds {
		return errors.New("the token has expired, or has no exp")
	}
	if p.begins > seconds {
		return errors.New("the token is not valid yet")
	}
	return nil
}

// date reads a claim that must be a NumericDate if it is present (RFC 7519, section
// 2). An absent one is before every clock.
func date(claims members, name string) (seconds float64, err error) {
	sent, present := claims[name]
	if !present {
		return math.Inf(-1), nil
	}
	seconds, err = strconv.ParseFloat(string(sent), 64) // of JSON, only a number is one for it
	if err != nil || math.Abs(seconds) > maxDate {
		return 0, fmt.Errorf("%s is no date", name)
	}
	return seconds, nil
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
	return anyOf(claims, "aud", isOurs)
}

// names reports whether a claim, which is a text or a list of texts, is or has the text.
func names(claims members, claim, text string) bool {
	return anyOf(claims, claim, func(one string) bool { return one == text })
}

// anyOf reports whether what is asked for is true of a claim that is a text, or of one text
// of a claim that is a list of texts.
func anyOf(claims members, claim string, asked func(string) bool) bool {
	if one, isText := claims.text(claim); isText {
		return asked(one)
	}
	named, areTexts := claims.texts(claim)
	return areTexts && slices.ContainsFunc(named, asked)
}
