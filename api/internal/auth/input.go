package auth

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is read before a signature is known to be right.
const (
	maxSignatureBytes = 4096 // of all lines of Signature-Input, and of those of Signature
	maxSignatures     = 8
	maxComponents     = 40
	maxKey            = 64
	maxNonce          = 128
	minRandom         = 16 // characters of base64, which are 96 bits
)

// Tag tells the signature of a gateway from those of others (RFC 9421, section 2.3).
const Tag = "toolbridge"

// input is what a signature covers and how it was made: a member of Signature-Input (RFC 9421,
// section 4.1).
type input struct {
	label      string
	text       string // as it was sent, which is its canonical form
	components [maxComponents]string
	covered    int  // how many components there are
	odd        bool // it has what no gateway writes: an escape, a parameter of a component, one that is not known

	created, expires       value
	nonce, keyID, alg, tag value
}

// find reads the one signature with our tag, and reports whether there is one. Not ok: there
// are two, or any signature is not well-formed.
func (in *input) find(header http.Header) (found, ok bool) {
	lines := header["Signature-Input"]
	if len(lines) == 0 {
		return false, true
	}
	if tooLong(lines) || tooLong(header["Signature"]) {
		return false, false
	}
	labels := make([]string, 0, maxSignatures)
	for _, line := range lines {
		s := scanner{text: line}
		for more := !s.end(); more; more = s.separator() {
			var next input
			if !next.read(&s) || len(labels) == maxSignatures || slices.Contains(labels, next.label) {
				return false, false
			}
			labels = append(labels, next.label)
			if next.tag.text == Tag {
				if found {
					return false, false
				}
				found, *in = true, next
			}
		}
		if !s.end() {
			return false, false
		}
	}
	return found, true
}

func tooLong(lines []string) bool {
	bytes := 0
	for _, line := range lines {
		bytes += len(line)
	}
	return bytes > maxSignatureBytes
}

// read reads a member of Signature-Input.
func (in *input) read(s *scanner) (ok bool) {
	if in.label, ok = s.key(); !ok || !s.take('=') {
		return false
	}
	begin := s.at
	if !s.take('(') {
		return false
	}
	for !s.take(')') {
		if in.covered > 0 && !s.take(' ') || !in.readComponent(s) {
			return false
		}
	}
	for s.take(';') {
		key, value, ok := s.parameter()
		if !ok || !in.set(key, value) {
			return false
		}
	}
	in.text = s.text[begin:s.at]
	return true
}

func (in *input) readComponent(s *scanner) bool {
	name, ok := s.string()
	if !ok || in.covered == maxComponents {
		return false
	}
	in.components[in.covered] = name.text
	in.covered++
	before := s.at
	ok = s.parameters()
	in.odd = in.odd || !name.plain || s.at > before
	return ok
}

// set takes a parameter of the signature (RFC 9421, section 2.3).
func (in *input) set(key string, given value) bool {
	place, wanted := (*value)(nil), isString
	switch key {
	case "created":
		place, wanted = &in.created, isInteger
	case "expires":
		place, wanted = &in.expires, isInteger
	case "nonce":
		place = &in.nonce
	case "keyid":
		place = &in.keyID
	case "alg":
		place = &in.alg
	case "tag":
		place = &in.tag
	default:
		in.odd = true
		return true
	}
	if place.kind != 0 || given.kind != wanted {
		return false
	}
	in.odd = in.odd || !given.plain
	*place = given
	return true
}

// wellFormed reports whether it is a signature as gateways make them, whatever its values are.
func (in *input) wellFormed() bool {
	_, random := in.processAndRandom()
	return !in.odd && in.created.kind != 0 && in.keyID.kind != 0 && (in.alg.kind == 0 || in.alg.text == "hmac-sha256") &&
		len(in.nonce.text) <= maxNonce && len(random) >= minRandom
}

// processAndRandom are the parts of the nonce. One without a dot names no process.
func (in *input) processAndRandom() (process, random string) {
	process, random, found := strings.Cut(in.nonce.text, ".")
	if !found {
		return "", in.nonce.text
	}
	return process, random
}

// seconds is a time of a signature.
func (v value) seconds() int64 {
	seconds, _ := strconv.ParseInt(v.text, 10, 64) // of at most 15 digits
	return seconds
}
