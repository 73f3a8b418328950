package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// maxNested bounds the lists and objects in one part of a token, so that the
	// gateway's parser, which nests less deeply than ours, decides the same.
	maxNested = 512
)

// escaped is an escaped character of JSON. The group is a half of a pair without the
// other one, which is no character.
var escaped = regexp.MustCompile(`(?s)\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.`)

// jws is a signed text in the compact form of RFC 7515, section 7.1.
type jws struct {
	header    members
	payload   []byte
	signed    string // what the signature is of
	signature []byte
}

// parseJWS checks the form of a token, and nothing else.
func parseJWS(text string) (jws, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return jws{}, errors.New("the token has not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = decodeBase64URL(part); err != nil {
			return jws{}, err
		}
	}
	header, err := parseMembers(decoded[0])
	if err != nil {
		return jws{}, err
	}
	return jws{header: header, payload: decoded[1], signed: text[:strings.LastIndexByte(text, '.')], signature: decoded[2]}, nil
}

// signer returns the algorithm and the key id that the header names, if the header is
// one that we may accept. The id is nil if there is none.
func (s jws) signer() (algorithm string, id *string, err error) {
	if _, present := s.header["crit"]; present {
		return "", nil, errors.New("the token demands an extension, and none is known here")
	}
	if _, present := s.header["typ"]; present && !isAccessToken(s.header) {
		return "", nil, errors.New("the token is of another kind")
	}
	if _, present := s.header["kid"]; present {
		text, isText := s.header.text("kid")
		if !isText {
			return "", nil, errors.New("the token's key id is no text")
		}
		id = &text
	}
	algorithm, _ = s.header.text("alg")
	return algorithm, id, nil
}

// isAccessToken refuses a token that is typed as another kind of JWT (RFC 8725,
// section 3.11), such as logout+jwt. Access tokens of RFC 9068 are at+jwt; most
// others are JWT, or not typed.
func isAccessToken(header members) bool {
	kind, isText := header.text("typ")
	kind = strings.ToLower(kind)
	return isText && (!strings.HasSuffix(kind, "+jwt") || strings.HasSuffix(kind, "at+jwt"))
}

// decodeBase64URL decodes the one form that RFC 7515, section 2, allows: no padding,
// no line breaks, no bits left over.
func decodeBase64URL(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // the decoder would skip them
		return nil, errors.New("not base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// checkText refuses JSON that is not in UTF-8 or holds something that is no character.
// The decoder would put a replacement in its place.
func checkText(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxNested {
		return errors.New("too many lists and objects")
	}
	if !bytes.Contains(text, []byte(`\u`)) {
		return nil
	}
	for _, found := range escaped.FindAllSubmatchIndex(text, -1) {
		if found[2] >= 0 {
			return errors.New("half a character")
		}
	}
	return nil
}

// members are those of a JSON object. Of members with the same name the last one
// counts.
type members map[string]json.RawMessage

// parseMembers reads a JSON object. A struct would take members of other spellings.
func parseMembers(text []byte) (object members, err error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("null is no object")
	}
	return object, nil
}

// text is the member of that name, if it is a text.
func (m members) text(name string) (value string, isText bool) { return textOf(m[name]) }

// textOf is a value of JSON, if it is a text.
func textOf(sent json.RawMessage) (value string, isText bool) {
	if len(sent) == 0 || sent[0] != '"' {
		return "", false
	}
	return value, json.Unmarshal(sent, &value) == nil
}

// texts is the member of that name, if it is a list of texts only.
func (m members) texts(name string) (values []string, areTexts bool) {
	var sent []*string
	if json.Unmarshal(m[name], &sent) != nil {
		return nil, false
	}
	for _, value := range sent {
		if value == nil {
			return nil, false
		}
		values = append(values, *value)
	}
	return values, true
}
