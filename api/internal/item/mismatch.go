package item

import (
	"errors"
	"strconv"
	"strings"

	"toolbridge/api/internal/fault"
)

// mismatch is the refusal of a replacement whose text does not occur as often as it
// must. To look for what comes near it takes too long for a transaction, so that is done
// when the error is explained.
type mismatch struct {
	index  int
	sought Replacement
	field  string
	text   string // in which it was looked for
	found  int
	within func(*fault.Error) *fault.Error // says of the refusal where it belongs; nil for nothing
}

// Error is the sentence without an explanation.
func (m *mismatch) Error() string { return m.fault("").Message }

// Unwrap returns the refusal without an explanation.
func (m *mismatch) Unwrap() error { return m.placed(m.fault("")) }

// placed is the refusal with where it belongs.
func (m *mismatch) placed(refused *fault.Error) error {
	if m.within == nil {
		return refused
	}
	return m.within(refused)
}

// explained completes the refusal of a text edit. Other errors stay as they are.
func explained(err error) error {
	var m *mismatch
	if !errors.As(err, &m) {
		return err
	}
	return m.explain()
}

// refusedLater is the refusal with what more there is to say of it. A mismatch stays one
// until it is explained.
func refusedLater(err error, refused *fault.Error, within func(*fault.Error) *fault.Error) error {
	var m *mismatch
	if !errors.As(err, &m) {
		return within(refused)
	}
	placed := *m
	placed.within = within
	return &placed
}

func (m *mismatch) fault(advice string) *fault.Error {
	const sentence = "edits[%d].find occurs %s in %s, not %s%s"
	field := shortened(m.field)
	return fault.New(fault.EditMismatch, sentence, m.index, howOften(m.found), field, howOften(m.sought.Count), advice).
		With(fault.Facts{"edit": m.index, "field": field, "expected": m.sought.Count, "occurrences": m.found})
}

func howOften(n int) string {
	switch n {
	case 0:
		return "nowhere"
	case 1:
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

func (m *mismatch) explain() error {
	var places []passage
	var differences []string
	advice := ""
	switch {
	case m.found > m.sought.Count:
		advice = "; make it longer until it means one place, or send count"
		places = m.occurrences()
	case m.found > 0:
		places = m.occurrences()
	case m.text == "":
		advice = ": there is no text"
	default:
		places, differences = nearest(m.text, m.sought.Find)
		advice = "; details.nearest has what resembles it most"
		if len(differences) > 0 {
			advice = ", but it does apart from " + allOf(differences) + "; send it as details.nearest has it"
		}
		if len(places) == 0 {
			advice = ", nor does anything like it; read the item again"
		}
	}
	refusal := m.fault(advice)
	refusal.Details["nearest"] = append([]passage{}, places...)
	if len(differences) > 0 {
		refusal.Details["differences"] = differences
	}
	return m.placed(refusal)
}

// occurrences are the first places where the text occurs.
func (m *mismatch) occurrences() (places []passage) {
	found, _ := occurrences(m.text, m.sought.Find, maxPassages)
	for _, at := range found {
		places = append(places, passageAt(m.text, at, at+len(m.sought.Find)))
	}
	return places
}

// allOf lists names as a sentence does: "case, quotation marks and white space".
func allOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
