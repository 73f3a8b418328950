package search

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// Text is what an item is found by.
type Text struct {
	Title string
	Body  string
}

// Bounds of what is indexed of a text. The first maxPlaced words are indexed with
// their place, so that phrases are found in them. Of later ones, each word is indexed
// that is not among those before it, until the index of the text has maxTerms words or
// maxBytes bytes. PostgreSQL sets the bounds: a tsvector has 16,383 places and 1 MiB.
const (
	maxPlaced = 16_000
	maxTitle  = 1_000 // places of the title; what is beyond them counts as body
	maxTerms  = 100_000
	maxBytes  = 700_000
)

// Each term begins with the code of its owner and a letter for its kind, so that the
// texts of other owners cost nothing.
const (
	wordTerm  = "w" // a word of title or body
	titleTerm = "t" // a word of the title
	kindTerm  = "k" // alone: every item; with a name: every item of an entity
)

// gap stands where no word is, so that no phrase reaches across.
const gap = "0"

// code is the beginning of an owner's terms. Two owners may have the same, so a store
// compares owners as well.
func code(owner account.Owner) string {
	const length = 5
	sum := sha256.Sum256([]byte(owner.Tenant + "\x00" + owner.User))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:length])
}

// kindOf is a kind as a term has it: letters only.
func kindOf(kind entity.Kind) string { return strings.ReplaceAll(string(kind), "_", "") }

// sink takes the terms of a text for one kind of store.
type sink interface {
	add(p placed)
	has(term []byte) bool // whether it was added before
}

// placed is a term at its place, which is counted from 1. A term at place 0 is found,
// but not in a phrase.
type placed struct {
	term    []byte
	at      int
	inTitle bool
}

// placer gives the terms of a text their places, within the bounds.
type placer struct {
	sink         sink
	at           int // the last place
	terms, bytes int // in the index so far
}

// place gives a text's terms to a sink. The body has the words of the title, too: it is
// all of the text. Where the title ends one place is empty, so that no phrase reaches
// from one to the other.
func place(text Text, to sink) {
	p := &placer{sink: to}
	title := newTerms(text.Title)
	p.read(title, maxTitle, true)
	p.read(title, maxPlaced, false)
	if p.at > 0 {
		p.at++
	}
	body := newTerms(text.Body)
	p.read(body, maxPlaced, false)
	p.readUnseen(title)
	p.readUnseen(body)
}

func (p *placer) read(t *terms, last int, inTitle bool) {
	for p.at < last && p.hasRoom() && t.next() {
		p.at++
		p.add(placed{t.term, p.at, inTitle})
	}
}

func (p *placer) readUnseen(t *terms) {
	for p.hasRoom() && t.next() {
		if !p.sink.has(t.term) {
			p.add(placed{term: t.term})
		}
	}
}

func (p *placer) hasRoom() bool { return p.terms < maxTerms && p.bytes < maxBytes }

func (p *placer) add(term placed) {
	const head = 7 // code, class and space
	p.terms++
	p.bytes += head + len(term.term)
	if term.inTitle {
		p.bytes += head + len(term.term)
	}
	p.sink.add(term)
}
