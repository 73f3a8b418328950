package relational

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
)

// Searching is the conditions of a search on "item i" and their arguments: the filter's.
// It is empty without a filter.
func (d Dialect) Searching(m item.Matching) (where string, arguments []any) {
	l := lists{Dialect: d, query: item.Query{Owner: m.Owner, Filter: m.Filter, IncludeDeleted: true}}
	var w Walk
	l.restrict(&w, nothing)
	return w.Where(), w.Arguments
}

// From is where a tier of a search goes on: behind a place, with the highest one for
// none. Ended says that the tier has been read.
func From(m item.Matching, tier int) (changed int64, uid string, ended bool) {
	const behindAll = "~"
	switch {
	case m.After == nil || m.After.Tier < tier:
		return math.MaxInt64, behindAll, false
	case m.After.Tier > tier:
		return 0, "", true
	}
	return m.After.Changed, m.After.UID, false
}

// FoundColumns are those of a found item, with those of "item i" and "found", behind
// which the dialect's own follow.
const FoundColumns = `i.uid, i.version, i.created_ms, i.updated_ms, i.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid,
		NULL, octet_length(i.payload), i.due_ms, i.title, i.summary, `

// scanFound reads a row of FoundColumns, the parent's title, a zero, and these: kind,
// tier, changed and the beginning of the payload.
func scanFound(row Row) (found item.Found, err error) {
	var total int
	var kind string
	r := &found.Rank
	found.Item, err = ScanListed(row, &total, &kind, &r.Tier, &r.Changed, &found.Beginning)
	found.Kind, r.UID = entity.Kind(kind), found.Item.UID
	return found, err
}

// ReadFound reads rows of scanFound.
func ReadFound(rows Rows) ([]item.Found, error) { return collect(rows, scanFound) }

// Page puts what a search has read into its order. It has read one more than the limit,
// if there are as many.
func Page(found []item.Found, limit int) (page []item.Found, more bool) {
	slices.SortFunc(found, func(a, b item.Found) int {
		return cmp.Or(cmp.Compare(a.Rank.Tier, b.Rank.Tier), cmp.Compare(b.Rank.Changed, a.Rank.Changed), cmp.Compare(b.Rank.UID, a.Rank.UID))
	})
	if len(found) > limit {
		return found[:limit], true
	}
	return found, false
}

// Union is some tables one behind the other.
func Union(tables []string) string {
	return "SELECT * FROM " + strings.Join(tables, " UNION ALL SELECT * FROM ")
}
