package item

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/journal"
)

// MaxScanned is how many lines a page of some kinds or of a client looks through. It
// bounds what the other lines cost.
const MaxScanned = 10_000

// Line is a line of a journal, with the item that it is about as that is now.
type Line struct {
	journal.Line
	Kept          bool   // whether the payload that the write replaced is still there
	Summary       []byte // of the item; nil when there is none any more
	Parent        Parent // of the item
	ParentSummary []byte // nil when the parent does not live
}

// LineQuery is a page of lines of an owner's journal. Unless Whole is set, it has only
// lines about items, and none from before a wipe.
type LineQuery struct {
	account.Owner
	Whole      bool
	Kinds      []entity.Kind // only lines about items of these kinds; none: of all
	Client     string        // only lines of this client, in whatever version if it names none; case does not count
	UID        string        // only lines about this item, of the first of the kinds
	Batch      int64         // only lines of this batch
	Since      *Millis       // only lines of this time or later
	Until      *Millis       // only lines from before this time
	From       int64         // only lines whose Seq is above
	Below      int64         // only lines whose Seq is below; 0: no bound
	Descending bool
	Items      bool // lines come with their items as they are now
	Limit      int

	// Writer, if set, selects its lines among the newest MaxLooked: those of this subject,
	// made with this client in whatever version, and by no undo.
	Writer *journal.Origin
}

// MaxLooked is how many of the newest lines are looked through for a writer's own.
const MaxLooked = 1000

// ClientName is the name of a client that says its name and version as `name/version`.
// What has no slash is a name alone.
func ClientName(client string) (name string, versioned bool) {
	if at := strings.LastIndexByte(client, '/'); at > 0 {
		return client[:at], true
	}
	return client, false
}

// Picks reports whether the lines of a page are looked for among others.
func (q LineQuery) Picks() bool { return (len(q.Kinds) > 0 || q.Client != "") && q.UID == "" }

// Of is the lines about one item.
func (q LineQuery) Of(ref Ref) LineQuery {
	q.Owner, q.Kinds, q.UID = ref.Owner, []entity.Kind{ref.Kind}, ref.UID
	return q
}

// Lines is a page of lines. Times and numbers of lines that are not there are 0.
type Lines struct {
	Lines []Line
	More  bool  // whether lines may follow
	Start int64 // Seq behind which the page begins
	Head  int64 // Seq of the owner's last line
	First int64 // Seq of the owner's first line that is kept
	Floor int64 // Seq of the owner's last line without an item: of the beginning or a wipe

	FirstAt, FloorAt Millis // of these lines

	// Of a query about one item.
	Exists bool // whether there is such an item, a tombstone included
	Oldest int64
	Before int64 // the version that the item's first kept line replaced
}

// beginning is the line behind which nothing is missing, and the time when the lines
// begin; 0 when nothing is missing at all.
func (l Lines) beginning() (seq int64, at Millis) {
	if l.Floor > 0 && l.Floor >= l.First {
		return l.Floor, l.FloorAt
	}
	return max(0, l.First-1), l.FirstAt
}

// History is the changes of one item, newest first.
type History struct {
	Lines         []Line
	Next          string
	DroppedBefore *Millis // set on the last page when there were changes that are not kept
}

// Changes is a page of the changes of all items, in the order of storing.
type Changes struct {
	Lines  []Line
	More   bool
	Next   string
	Begins *Millis // set when what was asked for begins before what is kept
}

// Place is where a page of a journal begins: behind a line, or at a time.
type Place struct {
	After *int64
	Since *Millis
}

// Changes returns the page of changes behind a place: from the first one that is kept on
// if it names none.
func (s *Service) Changes(ctx context.Context, query LineQuery, from Place) (Changes, error) {
	query.Items = true
	return s.lines(ctx, query, from)
}

// Journal returns the page of all lines behind a place.
func (s *Service) Journal(ctx context.Context, query LineQuery, from Place) (Changes, error) {
	query.Whole = true
	return s.lines(ctx, query, from)
}

func (s *Service) lines(ctx context.Context, query LineQuery, from Place) (Changes, error) {
	query.Since = from.Since
	if from.After != nil {
		query.From = *from.After
	}
	found, err := s.Store.Journal(ctx, query)
	if err != nil {
		return Changes{}, err
	}
	if query.From > found.Head {
		return Changes{}, invalidPlace("it is ahead of the journal, which may have been restored from a backup; begin anew with a time")
	}
	page := Changes{Lines: found.Lines, More: found.More}
	page.Next = placeText(query.Owner, found.next(query))
	page.Begins = found.begins(query)
	return page, nil
}

// next is the line behind which the next page begins.
func (l *Lines) next(query LineQuery) int64 {
	if last := len(l.Lines) - 1; l.More && last >= 0 && len(l.Lines) == query.Limit {
		return l.Lines[last].Seq
	}
	if scanned := max(l.Start, l.First-1) + MaxScanned; l.More && scanned < l.Head {
		return scanned
	}
	return l.Head
}

// begins is the time when the lines begin, if the query asks for earlier ones.
func (l *Lines) begins(query LineQuery) *Millis {
	seq, at := l.beginning()
	if query.Whole {
		seq, at = max(0, l.First-1), l.FirstAt
	}
	switch {
	case seq == 0, query.Since == nil && query.From >= seq, query.Since != nil && *query.Since >= at:
		return nil
	}
	return &at
}

// History returns the page of changes of an item behind a place of an earlier page.
func (s *Service) History(ctx context.Context, t Target, limit int, cursor string) (History, error) {
	query := LineQuery{Descending: true, Limit: limit}.Of(t.ref())
	if cursor != "" {
		seq, err := ParsePlace(t.Owner, t.scope(), cursor)
		if err != nil {
			return History{}, err
		}
		query.Below = seq
	}
	found, err := s.Store.Journal(ctx, query)
	switch {
	case err != nil:
		return History{}, err
	case !found.Exists && found.Oldest == 0:
		return History{}, notFound(t.Entity)
	}
	page := History{Lines: found.Lines}
	switch last := len(found.Lines) - 1; {
	case found.More:
		page.Next = place(t.Owner, t.scope(), found.Lines[last].Seq)
	case found.Oldest == 0 || found.Before > 0:
		_, at := found.beginning()
		page.DroppedBefore = &at
	}
	return page, nil
}

// scope is what cursors of the item's history belong to.
func (t Target) scope() string { return string(t.Entity.Kind) + " " + t.UID }

// Title is the title in a summary.
func Title(summary []byte) string {
	var shown struct {
		Title string `json:"title"`
	}
	_ = json.Unmarshal(summary, &shown) // a missing summary has no title
	return shown.Title
}

func placeText(owner account.Owner, seq int64) string { return place(owner, "", seq) }

// place is a short cursor: the number of a line, and a mark of whose it is, so that a
// damaged one is noticed.
func place(owner account.Owner, scope string, seq int64) string {
	sum := sha256.Sum256([]byte(owner.Tenant + "\x00" + owner.User + "\x00" + scope + "\x00" + strconv.FormatInt(seq, 10)))
	return "j" + strconv.FormatInt(seq, 10) + "." + hex.EncodeToString(sum[:3])
}

// ParsePlace reads a cursor of the owner's journal; scope is empty for all of it.
func ParsePlace(owner account.Owner, scope, text string) (seq int64, err error) {
	number, _, _ := strings.Cut(strings.TrimPrefix(text, "j"), ".")
	seq, failed := strconv.ParseInt(number, 10, 64)
	if failed != nil || seq < 0 || seq == math.MaxInt64 || place(owner, scope, seq) != text {
		return 0, invalidPlace("use a nextCursor of this list as it is")
	}
	return seq, nil
}

func invalidPlace(what string) error {
	return fault.New(fault.InvalidCursor, "invalid cursor: %s", what)
}
