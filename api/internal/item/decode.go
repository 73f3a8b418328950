package item

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"toolbridge/api/internal/fault"
)

// maxDepth bounds nesting; the object itself is level 1. Documents need far less, and
// recursive readers stand far more.
const maxDepth = 100

// MaxKeyBytes bounds a key, which is a name and not a text.
const MaxKeyBytes = 1024

// Decode reads one JSON object. It refuses everything that a client could not get
// back as it was sent: broken or trailing text, invalid UTF-8, NUL characters, lone
// surrogates, numbers beyond a double, nesting beyond 100 levels. The last value of a
// repeated key counts.
func Decode(body []byte) (*Payload, error) {
	return decode(body, math.MaxInt, math.MaxInt)
}

// DecodeWithin is Decode that also refuses strings of more than maxString bytes, and
// keys of more than maxString or MaxKeyBytes. Bytes are those of UTF-8 without
// escapes.
func DecodeWithin(body []byte, maxString int) (*Payload, error) {
	return decode(body, maxString, min(maxString, MaxKeyBytes))
}

func decode(body []byte, maxString, maxKey int) (*Payload, error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(body) == 0:
		return nil, invalidJSON("the body is empty")
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return nil, invalidJSON("the body begins with a byte order mark (U+FEFF); send it without one")
	case !utf8.Valid(body):
		return nil, invalidJSON("not valid UTF-8")
	}
	if !json.Valid(body) {
		var checked json.RawMessage
		return nil, invalidJSON(json.Unmarshal(body, &checked).Error())
	}
	if body[0] != '{' {
		return nil, invalidJSON(`expected an object such as {"title":"Milk"}, not ` + kindOf(body))
	}
	s := scanner{text: body, maxString: maxString, maxKey: maxKey}
	return s.object()
}

// kindOf names the kind of a JSON value that is no object.
func kindOf(value []byte) string {
	switch value[0] {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}

func invalidJSON(reason string) *fault.Error {
	return fault.New(fault.InvalidJSON, "invalid JSON: %s", reason)
}

// RequireOnly refuses an object that has other members than these: a misspelled one would
// be ignored.
func (p *Payload) RequireOnly(known ...string) error {
	for _, m := range p.members {
		if !slices.Contains(known, m.key) {
			return UnknownMember(m.key, known)
		}
	}
	return nil
}

// memberDryRun asks for a trial in the body of a batch.
const memberDryRun = "dryRun"

// RequireNoDryRun refuses a body that asks for a trial where only the query can: a write
// that is meant as a trial must not be made. Old clients may send other members.
func (p *Payload) RequireNoDryRun(known ...string) error {
	if _, sent := p.raw(memberDryRun); sent {
		return dryRunInBody(known)
	}
	return nil
}

func dryRunInBody(known []string) error {
	return UnknownMember(memberDryRun, append(known, "dryRun=true in the query"))
}

// UnknownMember refuses a member of a body that has others.
func UnknownMember(name string, known []string) error {
	name = shortened(name)
	there := "this request has none"
	if len(known) > 0 {
		there = "there is " + oneOf(known)
	}
	return invalidJSON("unknown member " + strconv.Quote(name) + "; " + there).With(fault.Facts{"field": name})
}

// scanner walks text that encoding/json has found to be well-formed. So it only looks
// for the ends of values, and for the contents that we refuse.
type scanner struct {
	text              []byte
	at                int
	token             int // where the last string, number, word or bracket began
	maxString, maxKey int
	exceeded          int // the bound that the last token exceeds, or 0
}

// object splits the outermost object into its members.
func (s *scanner) object() (*Payload, error) {
	payload := &Payload{}
	s.at++ // the opening brace
	for s.next() != '}' {
		name, size, problem := s.str()
		if problem != "" {
			return nil, invalidJSON(problem + " in a key")
		}
		key, err := unquote(name)
		if err != nil {
			return nil, invalidJSON(err.Error())
		}
		if problem := s.tooLong("key", size, s.maxKey); problem != "" {
			return nil, s.refusal(problem, key, nil)
		}
		s.next() // the colon
		s.at++
		s.next()
		start := s.at
		problem = s.value()
		if problem != "" {
			return nil, s.refusal(problem, key, s.text[start:s.token])
		}
		payload.set(key, name, s.text[start:s.at])
		if s.next() == ',' {
			s.at++
		}
	}
	return payload, nil
}

// refusal names the top-level key of a problem and its place, as a JSON Pointer (RFC
// 6901). Before is the text between the key and the problem.
func (s *scanner) refusal(problem, key string, before []byte) error {
	field, path := shortened(key), shortened(pointer(key, before))
	facts := fault.Facts{"field": field, "path": path}
	if s.exceeded == 0 {
		return invalidJSON(problem + " in " + strconv.Quote(field)).With(facts)
	}
	facts["maxBytes"] = s.exceeded
	return invalidJSON(problem + " at " + path + "; shorten it or split it up").With(facts)
}

// tooLong refuses a string or key that exceeds a bound, and remembers the bound.
func (s *scanner) tooLong(word string, size, most int) (problem string) {
	if size <= most {
		return ""
	}
	s.exceeded = most
	return "a " + word + " of more than " + strconv.Itoa(most) + " bytes"
}

// next skips white space and returns the byte after it.
func (s *scanner) next() byte {
	for {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return s.text[s.at]
		}
	}
}

// value walks one value of any depth. The problem is empty when the value is fine.
func (s *scanner) value() (problem string) {
	depth := 1
	for {
		s.token = s.at
		switch c := s.text[s.at]; c {
		case '"':
			problem = s.inner(depth)
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			problem = s.number()
		case 't', 'f', 'n':
			s.word()
		default: // white space, comma, colon
			s.at++
		}
		if depth > maxDepth {
			problem = "nested more than " + strconv.Itoa(maxDepth) + " levels deep"
		}
		if problem != "" || depth == 1 {
			return problem
		}
	}
}

// inner walks a string inside a value. A string before a colon is a key.
func (s *scanner) inner(depth int) (problem string) {
	_, size, problem := s.str()
	switch {
	case problem != "":
		return problem
	case depth > 1 && s.next() == ':':
		s.token = s.at // the key is part of its own place
		return s.tooLong("key", size, s.maxKey)
	}
	return s.tooLong("string", size, s.maxString)
}

// str walks a string. Raw includes the quotes; size is in bytes without quotes and
// escapes.
func (s *scanner) str() (raw []byte, size int, problem string) {
	start := s.at
	s.at++
	for s.text[s.at] != '"' {
		if s.text[s.at] != '\\' {
			s.at++
			continue
		}
		from := s.at
		meant, problem := s.escape()
		if problem != "" {
			return nil, 0, problem
		}
		size -= s.at - from - meant
	}
	s.at++
	return s.text[start:s.at], size + s.at - start - len(`""`), ""
}

// escape walks one escape sequence, or two that make one character, and returns the
// size of the character in bytes.
func (s *scanner) escape() (size int, problem string) {
	if s.text[s.at+1] != 'u' {
		s.at += 2
		return 1, ""
	}
	unit := s.unit()
	switch {
	case unit == 0:
		return 0, "a NUL character (U+0000)"
	case unit >= 0xDC00 && unit <= 0xDFFF:
		return 0, "a lone surrogate"
	case unit >= 0xD800 && unit <= 0xDBFF:
		if low := s.unit(); low < 0xDC00 || low > 0xDFFF {
			return 0, "a lone surrogate"
		}
		return utf8.UTFMax, "" // beyond the first plane
	}
	return utf8.RuneLen(rune(unit)), ""
}

// unit reads a \uXXXX escape and steps over it; 0 when there is none.
func (s *scanner) unit() uint64 {
	rest := s.text[s.at:]
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(rest[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	s.at += 6
	return unit
}

// number walks a number and refuses one that a double cannot hold.
func (s *scanner) number() (problem string) {
	start, exponent := s.at, false
	for s.at < len(s.text) && bytes.IndexByte([]byte("+-.0123456789eE"), s.text[s.at]) >= 0 {
		exponent = exponent || s.text[s.at]|0x20 == 'e'
		s.at++
	}
	const alwaysFits = 300 // digits, without an exponent
	if !exponent && s.at-start <= alwaysFits {
		return ""
	}
	if _, err := strconv.ParseFloat(string(s.text[start:s.at]), 64); err != nil {
		return "a number too large for a double"
	}
	return ""
}

func (s *scanner) word() {
	for s.at < len(s.text) && s.text[s.at] >= 'a' && s.text[s.at] <= 'z' {
		s.at++
	}
}

// unquote reads a JSON string that has been found to be well-formed. It reads the short
// escapes itself, since encoding/json would check the text once more.
func unquote(quoted []byte) (text string, err error) {
	rest := quoted[1 : len(quoted)-1]
	at := bytes.IndexByte(rest, '\\')
	if at < 0 {
		return string(rest), nil
	}
	b := make([]byte, 0, len(rest))
	for ; at >= 0; at = bytes.IndexByte(rest, '\\') {
		char := shortEscapes[rest[at+1]]
		if char == 0 {
			err = json.Unmarshal(quoted, &text)
			return text, err
		}
		b, rest = append(append(b, rest[:at]...), char), rest[at+2:]
	}
	return string(append(b, rest...)), nil
}

// shortEscapes are the characters of the escapes that are no \uXXXX.
var shortEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}
