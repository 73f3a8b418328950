package item

import "bytes"

// appendBare appends the payload as it is stored, without the members that the server
// owns: what they say stands in the head of the item, too. Head is what appendHead made.
//
// A payload that the API has encoded mostly ends with these members, as the head has
// them, or begins with the uid. Any other one is scanned. (A client that pushes one of the
// keys twice, and with just such an end, gets the first back.)
func (i *Item) appendBare(b, head []byte) []byte {
	rest, cut := i.cutStamps(head)
	if !cut {
		return appendScanned(b, i.Payload)
	}
	uid := head[:len(`{"uid":""`)+len(i.UID)]
	if kept, last := bytes.CutSuffix(rest, uid[1:]); last && (len(kept) == 1 || kept[len(kept)-1] == ',') {
		return append(append(b, kept[:max(1, len(kept)-1)]...), '}')
	}
	if kept, first := bytes.CutPrefix(rest, uid); first && kept[0] == ',' {
		return append(append(append(b, '{'), kept[1:]...), '}')
	}
	return appendScanned(b, i.Payload)
}

// The parts of the stamps that a payload ends with, as Payload.stamp writes them.
var (
	stampTime    = []byte(`,"` + keyUpdated + `":`)
	stampVersion = []byte(`,"` + keySync + `":{"version":`)
	stampAlive   = []byte(`,"isDeleted":false}}`)
)

// cutStamps returns the payload of a live item up to the stamps, if it ends with them. In
// valid JSON such an end means nothing else: none of its quotation marks is escaped, and
// it closes two objects.
func (i *Item) cutStamps(head []byte) (rest []byte, cut bool) {
	version := head[len(`{"uid":"","version":`)+len(i.UID):]
	end := bytes.IndexByte(version, ',')
	updated := version[end+len(`,"updatedAt":`):]
	version = version[:end]
	rest, cut = bytes.CutSuffix(i.Payload, stampAlive)
	for _, part := range [...][]byte{version, stampVersion, updated, stampTime} {
		if !cut {
			return nil, false
		}
		rest, cut = bytes.CutSuffix(rest, part)
	}
	return rest, cut && len(rest) > 1
}

// appendScanned appends a payload without the members that the server owns, wherever they
// stand and however often.
func appendScanned(b, payload []byte) []byte {
	s, begin, from := skipper{text: payload}, len(b), 0
	for s.open(); !s.ended(); {
		key, member := s.member()
		more := s.next(',')
		if !isMirror(key) {
			continue
		}
		b = append(b, payload[from:member]...)
		if from = s.at; !more {
			b = bytes.TrimSuffix(bytes.TrimRight(b, " \t\r\n"), []byte{','})
		}
	}
	if s.failed {
		return append(b[:begin], payload...) // not reached: what is stored can be read
	}
	return append(b, payload[from:]...)
}

// isMirror reports whether a key, as it stands in a payload, is one of the server's.
func isMirror(quoted []byte) bool {
	switch string(quoted) {
	case `"` + keyUID + `"`, `"` + keyUpdated + `"`, `"` + keySync + `"`:
		return true
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return false
	}
	key, err := unquote(quoted)
	return err == nil && (key == keyUID || stamped(key))
}

// skipper walks the members of a JSON object that is known to be valid, and looks only
// for their ends.
type skipper struct {
	text   []byte
	at     int
	failed bool
}

// open goes behind the opening brace.
func (s *skipper) open() {
	if !s.next('{') {
		s.failed = true
	}
}

// ended reports whether there is no further member.
func (s *skipper) ended() bool {
	return s.peek() == '}' || s.failed
}

// member passes a member, and returns its key and where it began.
func (s *skipper) member() (key []byte, start int) {
	s.space()
	start = s.at
	s.str()
	key = s.text[start:s.at]
	if !s.next(':') {
		s.failed = true
	}
	s.value()
	return key, start
}

// peek skips white space and returns the byte behind it; 0 at the end of the text, where
// none may be.
func (s *skipper) peek() byte {
	s.space()
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	s.failed = true
	return 0
}

func (s *skipper) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\n' || s.text[s.at] == '\r' || s.text[s.at] == '\t') {
		s.at++
	}
}

// next passes a byte, if it is the next one.
func (s *skipper) next(c byte) bool {
	found := s.peek() == c
	if found {
		s.at++
	}
	return found
}

// str passes a string.
func (s *skipper) str() {
	if s.peek() != '"' {
		s.failed = true
		return
	}
	for at := s.at + 1; ; {
		found := bytes.IndexByte(s.text[at:], '"')
		if found < 0 {
			s.at, s.failed = len(s.text), true
			return
		}
		quote := at + found
		at = quote + 1
		escapes := 0
		for s.text[quote-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.at = at
			return
		}
	}
}

// value passes a value of any depth.
func (s *skipper) value() {
	for depth := 0; !s.failed; {
		switch s.peek() {
		case '"':
			s.str()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
			continue
		default:
			s.word()
		}
		if depth == 0 {
			return
		}
	}
}

// word passes a number, true, false or null.
func (s *skipper) word() {
	for s.at < len(s.text) && bytes.IndexByte([]byte(",]} \t\r\n"), s.text[s.at]) < 0 {
		s.at++
	}
}
