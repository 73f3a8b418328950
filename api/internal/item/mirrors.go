package item

import "bytes"

// appendBare appends the payload as it is stored, without the members that the server
// owns: what they say stands in the head of the item, too. Head is what appendHead made.
//
// Most payloads that the API has encoded have the stamps at or near their end, as the head
// has them, and the uid before them or at the beginning. Any other one is scanned. (A
// client that pushes one of the keys twice, in just this form, gets one of them back.)
func (i *Item) appendBare(b, head []byte) []byte {
	rest, behind, cut := i.cutStamps(head)
	if !cut {
		return appendScanned(b, i.Payload)
	}
	uid := head[:len(`{"uid":""`)+len(i.UID)]
	if kept, last := bytes.CutSuffix(rest, uid[1:]); last && kept[len(kept)-1] == ',' {
		return append(append(b, kept[:len(kept)-1]...), behind...)
	}
	if kept, first := bytes.CutPrefix(rest, uid); first {
		kept, _ = bytes.CutPrefix(kept, comma)
		if len(kept) == 0 {
			behind = bytes.TrimPrefix(behind, comma)
		}
		return append(append(append(b, '{'), kept...), behind...)
	}
	return appendScanned(b, i.Payload)
}

// The parts of the stamps, as Payload.stamp writes them, and what separates members.
var (
	stampTime    = []byte(`,"` + keyUpdated + `":`)
	stampVersion = []byte(`,"` + keySync + `":{"version":`)
	stampAlive   = []byte(`,"isDeleted":false}`)
	comma        = []byte{','}
)

// nearEnd is how far from the end of a payload its stamps are looked for.
const nearEnd = 512

// cutStamps returns what of the payload of a live item stands before and behind the
// stamps, if it has them near its end. In valid JSON their text is nothing else: none of
// its quotation marks is escaped. They belong to the outermost object if nothing but
// members of theirs follows up to the end of the payload.
func (i *Item) cutStamps(head []byte) (rest, behind []byte, cut bool) {
	version := head[len(`{"uid":"","version":`)+len(i.UID):]
	end := bytes.IndexByte(version, ',')
	updated := version[end+len(`,"updatedAt":`):]
	if rest, behind, cut = cutNearEnd(i.Payload, stampAlive); !cut {
		return nil, nil, false
	}
	for _, part := range [...][]byte{version[:end], stampVersion, updated, stampTime} {
		if rest, cut = bytes.CutSuffix(rest, part); !cut {
			return nil, nil, false
		}
	}
	return rest, behind, len(rest) > 1 && endsObject(behind)
}

// cutNearEnd returns what stands before and behind the last occurrence of a part.
func cutNearEnd(payload, part []byte) (before, behind []byte, found bool) {
	at := len(payload) - len("}") - len(part)
	if at < 0 || !bytes.HasPrefix(payload[at:], part) {
		from := max(0, len(payload)-nearEnd)
		at = bytes.LastIndex(payload[from:], part)
		if at < 0 {
			return nil, nil, false
		}
		at += from
	}
	return payload[:at], payload[at+len(part):], true
}

// endsObject reports whether a text is members and then the end of an object.
func endsObject(text []byte) bool {
	s := skipper{text: text}
	for !s.failed && s.next(',') {
		s.member()
	}
	return !s.failed && s.next('}') && s.at == len(text)
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
	for s.at < len(s.text) && isBlank(s.text[s.at]) {
		s.at++
	}
}

func isBlank(c byte) bool { return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t') }

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
	for ; s.at < len(s.text); s.at++ {
		if c := s.text[s.at]; c == ',' || c == ']' || c == '}' || isBlank(c) {
			return
		}
	}
}
