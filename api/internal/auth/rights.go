package auth

import (
	"encoding/json"
	"strings"
)

// Rights are what a token allows. They are bits, so that a request compares them and parses
// nothing.
type Rights uint8

const (
	Read Rights = 1 << iota
	Write

	Either    = Read | Write // as a demand: one of both is enough
	AllRights = Read | Write // as what a token has
)

// Meet reports whether one of the demanded rights is there.
func (r Rights) Meet(demanded Rights) bool { return r&demanded != 0 }

// Scopes are the names that a token has for its rights. The gateway reads them in the same
// way; both read testdata/tokens.json in their tests.
type Scopes struct {
	Read, Write string
	Required    bool // a token that names no scopes allows nothing, else everything
}

// Name is the scope of a right. Of either one it is that of reading, which is less.
func (s Scopes) Name(right Rights) string {
	if right == Write {
		return s.Write
	}
	return s.Read
}

// scopeClaims name scopes; the first that a token has counts. RFC 9068, section 2.2.3, has
// scope; some identity providers have scp.
var scopeClaims = []string{"scope", "scp"}

// granted is what the claims of a verified token allow.
func (s Scopes) granted(claims members) (rights Rights) {
	for _, claim := range scopeClaims {
		if _, present := claims[claim]; !present {
			continue
		}
		for _, name := range scopesIn(claims, claim) {
			if name == s.Read {
				rights |= Read
			}
			if name == s.Write {
				rights |= Write
			}
		}
		return rights
	}
	if s.Required {
		return 0
	}
	return AllRights
}

// scopesIn are the scopes of a claim: the words of a text, which only spaces separate (RFC
// 6749, section 3.3), or the texts of a list. Anything else names none.
func scopesIn(claims members, claim string) (names []string) {
	if text, isText := claims.text(claim); isText {
		return strings.Split(text, " ")
	}
	var listed []json.RawMessage
	if json.Unmarshal(claims[claim], &listed) != nil {
		return nil
	}
	for _, one := range listed {
		if name, isText := textOf(one); isText {
			names = append(names, name)
		}
	}
	return names
}
