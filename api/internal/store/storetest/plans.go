package storetest

import (
	"fmt"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
)

// Indexed is a query that indexes serve, and along how many walks.
type Indexed struct {
	Name  string
	Query item.Query
	Walks int
}

// IndexedQueries are those of tasks of an owner, in both orders, from a cursor on and from
// the beginning.
func IndexedQueries(owner account.Owner) (all []Indexed) {
	open, archived := false, true
	deadline := &item.Deadline{Day: 90, Moment: 100}
	for _, row := range []struct {
		name   string
		sort   item.Sort
		filter item.Filter
		walks  int
	}{
		{"no filter", item.ByChange, item.Filter{}, 1},
		{"a parent", item.ByChange, item.Filter{Parent: item.Parent{Kind: "note", UID: "uid1"}}, 1},
		{"a state", item.ByChange, item.Filter{Status: []string{"open"}}, 1},
		{"states", item.ByChange, item.Filter{Status: []string{"archived", "none", "open"}}, 3},
		{"a tag", item.ByChange, item.Filter{Tags: []string{"red"}}, 1},
		{"tags", item.ByChange, item.Filter{Tags: []string{"blue", "none", "red"}}, 3},
		{"a term", item.ByChange, item.Filter{Terms: [][]string{{"tag:red"}}}, 1},
		{"terms", item.ByChange, item.Filter{Terms: [][]string{{"tag:blue", "tag:red"}}}, 2},
		{"archived", item.ByChange, item.Filter{Archived: &archived}, 1},
		{"a time", item.ByChange, item.Filter{Since: millis(5)}, 1},
		{"by title", item.ByTitle, item.Filter{}, 1},
		{"by creation", item.ByCreation, item.Filter{}, 1},
		{"by due date", item.ByDue, item.Filter{}, 4},
		{"by due date, open", item.ByDue, item.Filter{Closed: &open}, 2},
		{"overdue", item.ByDue, item.Filter{Closed: &open, DueBefore: item.At(100)}, 1},
		{"overdue in a zone", item.ByDue, item.Filter{Closed: &open, DueBefore: deadline}, 1},
		{"due soon", item.ByDue, item.Filter{Closed: &open, DueAfter: deadline, DueBefore: item.At(200)}, 1},
		{"due", item.ByDue, item.Filter{DueAfter: item.At(1), DueBefore: item.At(200)}, 2},
	} {
		for _, after := range []*item.Cursor{nil, {At: 100, Title: "x5", UID: "uid000100"}} {
			for _, descending := range []bool{false, true} {
				all = append(all, Indexed{fmt.Sprintf("%s, descending %v, cursor %v", row.name, descending, after != nil), item.Query{
					Owner: owner, Kind: "task", Limit: 20, MaxBytes: 1 << 20, Filter: row.filter, Sort: row.sort, Descending: descending, After: after,
				}, row.walks})
			}
		}
	}
	return all
}
