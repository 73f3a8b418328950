package auth

import "strings"

// scanner reads a part of a structured field (RFC 9651) from left to right. It takes only what
// a serializer would write (section 4.1): what has one meaning has one form, so that the text
// of a value is its canonical form, too. Its methods report whether there was what they read.
type scanner struct {
	text string
	at   int
}

func (s *scanner) end() bool { return s.at == len(s.text) }

// take reads one byte, if it is next.
func (s *scanner) take(wanted byte) bool {
	if s.at < len(s.text) && s.text[s.at] == wanted {
		s.at++
		return true
	}
	return false
}

// run reads the longest text of bytes that are allowed.
func (s *scanner) run(allowed func(byte) bool) string {
	begin := s.at
	for s.at < len(s.text) && allowed(s.text[s.at]) {
		s.at++
	}
	return s.text[begin:s.at]
}

// separator reads what is between two members of a dictionary (section 4.2.2). Without a
// member behind it, it is left there.
func (s *scanner) separator() bool {
	before := s.at
	s.run(isSpace)
	found := s.take(',')
	s.run(isSpace)
	if found && s.end() {
		s.at = before
		return false
	}
	return found
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' }

// key reads the name of a member or parameter (section 3.1.2).
func (s *scanner) key() (string, bool) {
	if s.end() || !isLower(s.text[s.at]) && s.text[s.at] != '*' {
		return "", false
	}
	key := s.run(func(b byte) bool { return isLower(b) || isDigit(b) || strings.IndexByte("_-.*", b) >= 0 })
	return key, len(key) <= maxKey
}

func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isDigit(b byte) bool { return '0' <= b && b <= '9' }
func isAlpha(b byte) bool { return isLower(b | 0x20) }

// kind is the type of a value (section 3.3).
type kind int

const (
	isString kind = iota + 1
	isInteger
	isBytes
	isOther
)

// value is a value as it is written, without the signs around it. plain: no byte is escaped.
type value struct {
	kind
	text  string
	plain bool
}

// value reads a value of any type.
func (s *scanner) value() (value, bool) {
	if s.end() {
		return value{}, false
	}
	switch b := s.text[s.at]; {
	case b == '"':
		return s.string()
	case b == ':':
		return s.bytes()
	case b == '-' || isDigit(b):
		return s.number()
	case b == '?':
		s.at++
		found := s.take('0') || s.take('1')
		return value{kind: isOther}, found
	case b == '@':
		s.at++
		found, ok := s.number()
		return value{kind: isOther}, ok && found.kind == isInteger
	case b == '%':
		s.at++
		_, ok := s.string()
		return value{kind: isOther}, ok
	case b == '*' || isAlpha(b):
		s.run(isTokenByte)
		return value{kind: isOther}, true
	}
	return value{}, false
}

func isTokenByte(b byte) bool {
	return isAlpha(b) || isDigit(b) || strings.IndexByte("!#$%&'*+-.^_`|~:/", b) >= 0
}

// string reads a text in quotes.
func (s *scanner) string() (value, bool) {
	if !s.take('"') {
		return value{}, false
	}
	begin, plain := s.at, true
	for ; s.at < len(s.text); s.at++ {
		switch b := s.text[s.at]; {
		case b == '"':
			s.at++
			return value{isString, s.text[begin : s.at-1], plain}, true
		case b < ' ' || b > '~':
			return value{}, false
		case b == '\\':
			s.at++
			plain = false
			if s.end() || s.text[s.at] != '"' && s.text[s.at] != '\\' {
				return value{}, false
			}
		}
	}
	return value{}, false
}

// bytes reads base64 between colons. It does not decode it.
func (s *scanner) bytes() (value, bool) {
	if !s.take(':') {
		return value{}, false
	}
	text := s.run(func(b byte) bool { return isAlpha(b) || isDigit(b) || b == '+' || b == '/' || b == '=' })
	return value{isBytes, text, true}, s.take(':')
}

// number reads an integer of at most 15 digits, or a decimal of at most 12 and 3.
func (s *scanner) number() (value, bool) {
	begin := s.at
	s.take('-')
	digits := s.run(isDigit)
	if digits == "" || digits[0] == '0' && len(digits) > 1 || s.text[begin:s.at] == "-0" {
		return value{}, false
	}
	if !s.take('.') {
		return value{isInteger, s.text[begin:s.at], true}, len(digits) <= 15
	}
	places := s.run(isDigit)
	return value{kind: isOther}, len(digits) <= 12 && 1 <= len(places) && len(places) <= 3
}

// parameter reads a parameter (section 3.1.2), if one is next.
func (s *scanner) parameter() (key string, found value, ok bool) {
	if key, ok = s.key(); !ok {
		return "", value{}, false
	}
	if !s.take('=') {
		return key, value{kind: isOther}, true
	}
	found, ok = s.value()
	return key, found, ok
}

// parameters reads parameters that mean nothing here.
func (s *scanner) parameters() bool {
	for s.take(';') {
		if _, _, ok := s.parameter(); !ok {
			return false
		}
	}
	return true
}

// bytesOf finds the byte sequence with this name in a dictionary of byte sequences, which may
// be on several lines (RFC 9110, section 5.3). Found twice is as bad as what cannot be read.
func bytesOf(lines []string, name string) (text string, ok bool) {
	count := 0
	for _, line := range lines {
		s := scanner{text: line}
		for more := !s.end(); more; more = s.separator() {
			key, named := s.key()
			if !named || !s.take('=') {
				return "", false
			}
			found, read := s.bytes()
			if key == name {
				text, count = found.text, count+1
			} else {
				read = read && s.parameters()
			}
			if !read {
				return "", false
			}
		}
		if !s.end() {
			return "", false
		}
	}
	return text, count == 1
}
