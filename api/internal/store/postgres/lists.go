package postgres

import (
	"math"
	"strconv"
	"strings"

	"toolbridge/api/internal/item"
)

// listing is the statement of one page and its arguments, as they are put
// together. Every text is made of constants.
type listing struct {
	where     []string
	arguments []any
}

// argument gives the parameter of one more argument.
func (l *listing) argument(value any) string {
	l.arguments = append(l.arguments, value)
	return "$" + strconv.Itoa(len(l.arguments))
}

// restrict adds a condition, whose question marks stand for the arguments.
func (l *listing) restrict(condition string, arguments ...any) {
	for _, value := range arguments {
		condition = strings.Replace(condition, "?", l.argument(value), 1)
	}
	l.where = append(l.where, condition)
}

// taggedItems are looked up one by one along the index of tags. OFFSET 0 keeps
// the planner from taking the tables the other way round, and sorting.
const taggedItems = `item_tag g CROSS JOIN LATERAL (SELECT * FROM item
		WHERE tenant = g.tenant AND owner = g.owner AND kind = g.kind AND uid = g.uid OFFSET 0) AS i`

// listStatement gives the statement of a page: a walk along the index of one
// filter, from the cursor on. Rows past MaxBytes of payloads come without
// theirs, so that what is not used is not sent; the first one always has its own.
func listStatement(query item.Query) (text string, arguments []any) {
	from, place, l := "item i", "i", listing{}
	f := query.Filter
	if f.Tag != "" {
		from, place = taggedItems, "g"
	}
	l.restrict(place+".tenant = ? AND "+place+".owner = ? AND "+place+".kind = ?", query.Tenant, query.User, string(query.Kind))
	if f.Tag != "" {
		l.restrict("g.tag = ?", f.Tag)
	}
	if f.Parent.UID != "" {
		l.restrict("i.parent_uid = ? AND i.parent_uid <> ''", f.Parent.UID)
	}
	if f.Parent.Kind != "" {
		l.restrict("i.parent_kind = ?", string(f.Parent.Kind))
	}
	if f.Status != "" {
		l.restrict("i.status = ? AND i.status <> ''", f.Status)
	}
	if f.Archived != nil {
		l.restrict("i.archived = ?", *f.Archived)
	}
	if !query.IncludeDeleted {
		l.restrict("i.deleted_ms IS NULL")
	}
	l.walk(query, place)
	inner, outer := order(place+".", query.Descending), order("", query.Descending)
	return `SELECT uid, version, updated_ms, stored_ms, deleted_ms, parent_kind, parent_uid,
			CASE WHEN bytes <= ` + l.argument(query.MaxBytes) + ` OR bytes = octet_length(payload) THEN payload END
		FROM (SELECT page.*, SUM(octet_length(payload)) OVER (ORDER BY ` + outer + `) AS bytes
			FROM (SELECT ` + place + `.uid, i.version, i.updated_ms, ` + place + `.stored_ms, i.deleted_ms, i.parent_kind, i.parent_uid, i.payload
				FROM ` + from + ` WHERE ` + strings.Join(l.where, " AND ") + `
				ORDER BY ` + inner + ` LIMIT ` + l.argument(query.Limit+1) + /* one more, to know of it */ `) AS page) AS measured
		ORDER BY ` + outer, l.arguments
}

func order(place string, descending bool) string {
	if descending {
		return place + "stored_ms DESC, " + place + "uid DESC"
	}
	return place + "stored_ms, " + place + "uid"
}

// walk restricts the listing to what comes after the cursor. The first moment is
// part of the cursor of an ascending walk.
func (l *listing) walk(query item.Query, place string) {
	columns := "(" + place + ".stored_ms, " + place + ".uid)"
	since := item.Millis(math.MinInt64)
	if query.Filter.Since != nil {
		since = *query.Filter.Since
	}
	if query.Descending {
		from := item.Cursor{StoredAt: math.MaxInt64}
		if query.After != nil {
			from = *query.After
		}
		l.restrict(columns+" < (?, ?)", int64(from.StoredAt), from.UID)
		if query.Filter.Since != nil {
			l.restrict(place+".stored_ms >= ?", int64(since))
		}
		return
	}
	from := item.Cursor{StoredAt: since}
	if query.After != nil && query.After.StoredAt >= since {
		from = *query.After
	}
	l.restrict(columns+" > (?, ?)", int64(from.StoredAt), from.UID)
}
