package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

const headerChange = "X-Change-Id"

var changeHeader = header{headerChange, "Names what was written in the journal; `c` begins the id of one write, `b` that of several. Absent when nothing was written, and when the answer is a repeated one.", "string"}

var dryRunParameter = queryParameter("dryRun", "With `true`, the answer is that of the write, but nothing is stored.",
	object{"type": "boolean"}, fault.InvalidQuery)

// The words of return.
const (
	returnItem    = "item"
	returnMinimal = "minimal"
)

var (
	returnParameter = queryParameter("return", "With `minimal`, the answer is only which version of which item there is, and what the write changed.",
		merged(oneOfSchema(returnItem, returnMinimal), object{"default": returnItem}), fault.InvalidQuery)
	mirrorsParameter = queryParameter("mirrors", "With `false`, payloads come without `uid`, `updatedTs` and `sync`, which the server owns.",
		object{"type": "boolean", "default": true}, fault.InvalidQuery)
)

// queryNames are the parameters that the route reads from the query.
func (r route) queryNames() (names []string) {
	for _, p := range r.allParameters() {
		if p.in == "query" {
			names = append(names, p.name)
		}
	}
	return names
}

// readOptions refuses query parameters that the route does not have, and reads the
// options that many routes have.
func (c *call) readOptions(r *route) error {
	if c.URL.RawQuery == "" || r.lenient {
		return nil
	}
	sent, err := parseQuery(c)
	if err != nil {
		return err
	}
	for name := range sent {
		if !slices.Contains(r.queried, name) && !slices.Contains(r.foreign, name) {
			return unknownParameter(name, r.queried)
		}
	}
	return c.readCommon(sent, r.queried)
}

// readCommon reads the options that the route has of those that are the same everywhere.
func (c *call) readCommon(sent url.Values, queried []string) (err error) {
	has := func(p parameter) bool { return sent.Has(p.name) && slices.Contains(queried, p.name) }
	if has(dryRunParameter) {
		if c.dryRun, err = booleanOf(sent, dryRunParameter.name); err != nil {
			return err
		}
	}
	if has(mirrorsParameter) {
		mirrors, err := booleanOf(sent, mirrorsParameter.name)
		if err != nil {
			return err
		}
		c.bare = !mirrors
	}
	if has(returnParameter) {
		c.minimal, err = minimalOf(sent[returnParameter.name])
	}
	return err
}

func minimalOf(values []string) (bool, error) {
	if len(values) > 1 || values[0] != returnItem && values[0] != returnMinimal {
		return false, fault.New(fault.InvalidQuery, "invalid %s: send %s or %s", returnParameter.name, returnItem, returnMinimal).
			With(fault.Facts{"field": returnParameter.name})
	}
	return values[0] == returnMinimal, nil
}

func unknownParameter(name string, known []string) error {
	allowed := "this route has none"
	if len(known) > 0 {
		allowed = "this route has " + strings.Join(known, ", ")
	}
	return fault.New(fault.InvalidQuery, "unknown query parameter %.100q: %s", name, allowed).With(fault.Facts{"field": shown(name)})
}

// shown is a name that the client sent, not too long for a sentence.
func shown(name string) string { return fmt.Sprintf("%.100s", name) }

// booleanOf reads a parameter that is true or false; false when it is missing.
func booleanOf(sent map[string][]string, name string) (bool, error) {
	values, given := sent[name]
	if !given {
		return false, nil
	}
	if len(values) > 1 || values[0] != "true" && values[0] != "false" {
		return false, fault.New(fault.InvalidQuery, "invalid %s: send true or false", name).With(fault.Facts{"field": name})
	}
	return values[0] == "true", nil
}

// setChange names the line that a write added to the journal, if it added one.
func (c *call) setChange(target item.Target, next *item.Item) {
	if next.Seq > 0 && !target.DryRun {
		c.reply.Set(headerChange, journal.ChangeID(next.Seq))
	}
}
