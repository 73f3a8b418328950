package item

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
)

// Query is one page of a list. After is nil for the first page. Tombstones are included
// in lists by change only.
type Query struct {
	account.Owner
	Kind           entity.Kind
	After          *Cursor
	Limit          int
	MaxBytes       int
	Reduces        bool
	Summaries      bool // items come with their Summary and Size, without payload
	IncludeDeleted bool
	Filter         Filter
	Sort           Sort
	Descending     bool
	Count          bool // the listing has a Total
}

// Sort is what a list is sorted by, and then by uid.
type Sort string

// The sorts. By due, items without a due date come last, also in descending order.
const (
	ByChange   Sort = "" // StoredAt
	ByCreation Sort = "created"
	ByDue      Sort = "due"
	ByTitle    Sort = "title"
)

// MaxTotal is how far a list is counted.
const MaxTotal = 10_000

// Listing is what a store returns for a Query.
type Listing struct {
	Items []Item
	More  bool
	Total int // with Count: how many match, whatever the page; MaxTotal+1 if there are more
}

// Listed is what an item counts in the bytes of a page.
func (i *Item) Listed(query Query) int {
	switch {
	case query.Summaries:
		return len(i.Summary)
	case i.Size > 0:
		return ReducedBytes
	}
	return len(i.Payload)
}

// Filter restricts a list. The zero value does not.
type Filter struct {
	Parent    Parent   // with UID, Kind or both
	Status    []string // one of these
	NotStatus []string // none of these
	Archived  *bool
	Closed    *bool      // as follows from Status and NotStatus: it only makes the list faster
	Tags      []string   // at least one of these
	Terms     [][]string // at least one of each
	Since     *Millis    // of StoredAt, inclusive
	DueBefore *Deadline  // due before it
	DueAfter  *Deadline  // due, but not before it
}

// Sort is the sort by which a store finds the matches of the filter fastest.
func (f Filter) Sort() Sort {
	if f.DueBefore != nil || f.DueAfter != nil {
		return ByDue
	}
	return ByChange
}

// Deadline is a moment to which due dates are compared. A due date without a time is
// compared to Day, its midnight in UTC; one with a time is compared to Moment.
type Deadline struct{ Day, Moment Millis }

// At is a deadline that does not distinguish days from moments.
func At(moment Millis) *Deadline { return &Deadline{moment, moment} }

// Candidate is an item whose uid begins as was asked for.
type Candidate struct {
	Kind    entity.Kind `json:"kind"`
	UID     string      `json:"uid"`
	Title   string      `json:"title,omitempty"`
	Deleted bool        `json:"deleted,omitempty"`
}

// Tally is how many live items of a kind are in a status; with the status "", how many
// there are in all.
type Tally struct {
	Kind   entity.Kind
	Status string
	Count  int
}

// MaxStates is how many states of a kind are counted, in the order of their names.
const MaxStates = 50

// WholeBytes is the size up to which payloads are whole.
func (q Query) WholeBytes() int64 {
	if q.Reduces {
		return int64(q.MaxBytes)
	}
	return math.MaxInt32 // no payload is as large
}

// Binding names the list that the query's cursors belong to: empty for a list without
// filters by change in ascending order, else a digest of kind, filter, sort and order.
func (q Query) Binding() string {
	f := q.Filter
	if reflect.ValueOf(f).IsZero() && !q.Descending && q.Sort == ByChange {
		return ""
	}
	text := strconv.Quote(string(q.Kind)) + strconv.Quote(string(f.Parent.Kind)) + f.Parent.UID +
		distinct(f.Status) + distinct(f.Tags) + strconv.FormatBool(q.Descending)
	if f.Archived != nil {
		text += " archived " + strconv.FormatBool(*f.Archived)
	}
	if f.Since != nil {
		text += " since " + strconv.FormatInt(int64(*f.Since), 10)
	}
	others, _ := json.Marshal([]any{f.NotStatus, f.Terms, f.DueBefore, f.DueAfter, q.Sort}) // can always be encoded
	if string(others) != `[null,null,null,null,""]` {
		text += " and " + string(others)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// distinct is some texts as no others are: one text is only quoted.
func distinct(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = strconv.Quote(text)
	}
	return cmp.Or(strings.Join(all, ","), `""`)
}
