package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/export"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
	"toolbridge/api/internal/store/sqlite"
)

const day = 24 * time.Hour

var monday = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// users are two, in the order of their journals.
var users = func() []string {
	names := []string{"ann", "bob"}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(account.UserID("acme", a), account.UserID("acme", b)) })
	return names
}()

// owner is a user of the tenant.
func owner(subject string) account.Owner {
	return account.Owner{Tenant: "acme", User: account.UserID("acme", subject)}
}

// write stores the next version of a note.
func write(t *testing.T, store *sqlite.Store, subject, uid string, at time.Time) {
	t.Helper()
	err := store.Write(t.Context(), item.Batch{
		Owner: owner(subject), Origin: journal.Origin{By: subject, Client: "claude/1 <b>", Tool: "edit", Correlation: "x"}, Epoch: 1,
		Now: func() time.Time { return at },
		Writes: []item.Write{{Kind: "note", UID: uid, Decide: func(seen item.Snapshot) (*item.Item, error) {
			return &item.Item{UID: uid, Version: seen.Version() + 1, StoredAt: seen.NextStoredAt(), Payload: []byte(`{"title":"secret"}`),
				Change: journal.Change{Name: journal.Updated, Fields: []string{"title", "ä\u2028"}}}, nil
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// journals is a store with five lines of the first user, a line a day, and three of the
// second one.
func journals(t *testing.T) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for n := range 8 {
		write(t, store, users[n/5], fmt.Sprint("u", n%2), monday.Add(time.Duration(n%5)*day))
	}
	return store
}

func exported(t *testing.T, store export.Store, selected export.Selection) []string {
	t.Helper()
	var written bytes.Buffer
	if err := export.Write(t.Context(), store, selected, &written); err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(written.String(), "\n"), "\n")
}

func verify(lines []string) (export.Verified, error) {
	return export.Verify(strings.NewReader(strings.Join(lines, "")))
}

func TestAnExportHasEveryLineAndNoContent(t *testing.T) {
	lines := exported(t, journals(t), export.Selection{})
	if len(lines) != 5+1+3+1+1 {
		t.Fatalf("%d lines: %s", len(lines), lines)
	}
	want := `{"tenant":"acme","user":"` + owner(users[0]).User + `","seq":3,"at":"2026-11-25T08:00:00Z","epoch":1,"kind":"note","uid":"u0","before":1,"version":2,` +
		`"batch":0,"revived":false,"change":"updated","fields":["title","ä\u2028"],"by":"` + users[0] + `","client":"claude/1 \u003cb\u003e","tool":"edit","correlation_id":"x","content":"`
	if !strings.HasPrefix(lines[2], want) {
		t.Errorf("line 3 is %s\nwant %s", lines[2], want)
	}
	if strings.Contains(strings.Join(lines, ""), "secret") {
		t.Error("it has the contents")
	}
	found, err := verify(lines)
	if err != nil || found.Users != 2 || found.Lines != 8 || !strings.Contains(lines[10], `"digest":"`+found.Digest+`"`) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestAnExportHasTheLinesOfItsSelection(t *testing.T) {
	store := journals(t)
	at := func(days int) *item.Millis {
		moment := item.MillisOf(monday.Add(time.Duration(days) * day))
		return &moment
	}
	for name, row := range map[string]struct {
		selected export.Selection
		users    int64
		lines    int64
	}{
		"a subject":       {export.Selection{Owner: users[1]}, 1, 3},
		"an id":           {export.Selection{Owner: owner(users[0]).User}, 1, 5},
		"since":           {export.Selection{Since: at(2)}, 2, 3 + 1},
		"until":           {export.Selection{Until: at(2)}, 2, 2 + 2},
		"both":            {export.Selection{Since: at(1), Until: at(4)}, 2, 3 + 2},
		"of one user":     {export.Selection{Since: at(3)}, 1, 2},
		"nothing":         {export.Selection{Since: at(9)}, 0, 0},
		"nothing at all":  {export.Selection{Until: at(0)}, 0, 0},
		"all of one user": {export.Selection{Owner: users[0], Since: at(0), Until: at(9)}, 1, 5},
	} {
		found, err := verify(exported(t, store, row.selected))
		if err != nil || found.Users != row.users || found.Lines != row.lines {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if err := export.Write(t.Context(), store, export.Selection{Owner: "eve"}, &bytes.Buffer{}); !errors.Is(err, export.ErrNobody) {
		t.Errorf("of a user without a journal: %v", err)
	}
}

// A line of a clock that was far ahead has lines with earlier times behind it.
func TestAnExportUntilATimeHasNoGap(t *testing.T) {
	store := journals(t)
	write(t, store, users[1], "u0", monday.Add(90*day))
	write(t, store, users[1], "u0", monday.Add(5*day))
	until := item.MillisOf(monday.Add(6 * day))
	found, err := verify(exported(t, store, export.Selection{Owner: users[1], Until: &until}))
	if err != nil || found.Lines != 5 {
		t.Errorf("%+v, %v", found, err)
	}
}

// forged is the journal of the second user with other words, and hashes that fit.
func forged(t *testing.T, lines []string) []string {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "forged.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for n := range 3 {
		write(t, store, users[1], "forged", monday.Add(time.Duration(n)*day))
	}
	own := exported(t, store, export.Selection{})
	return slices.Concat(lines[:6], own[:4], lines[10:])
}

func TestWhatWasDoneToAnExportIsFound(t *testing.T) {
	lines := exported(t, journals(t), export.Selection{})
	without := func(from, to int) []string { return slices.Concat(lines[:from], lines[to:]) }
	with := func(at int, more ...string) []string { return slices.Insert(slices.Clone(lines), at, more...) }
	replaced := func(at int, old, by string) []string {
		changed := slices.Clone(lines)
		if changed[at] = strings.Replace(lines[at], old, by, 1); changed[at] == lines[at] {
			t.Fatalf("%q is not in %s", old, lines[at])
		}
		return changed
	}
	moved := func(from, to int) []string { return slices.Insert(without(from, from+1), to, lines[from]) }
	cut := func(at int) []string {
		return append(slices.Clone(lines[:at]), lines[at][:len(lines[at])/2])
	}
	const notWhole = "the export is not whole"
	for name, row := range map[string]struct {
		changed []string
		says    []string
	}{
		"the client of a line":           {replaced(1, "claude/1", "claude/2"), []string{"line 2 of the file", "line 2 of the journal", "was changed"}},
		"the number of a line":           {replaced(1, `"seq":2`, `"seq":7`), []string{"line 2 of the file", "was changed"}},
		"the user of a line":             {replaced(1, owner(users[0]).User, owner(users[1]).User), []string{"line 2 of the file", "not a line of this user"}},
		"a space":                        {replaced(1, `"seq":2`, `"seq": 2`), []string{"line 2 of the file", "no export writes"}},
		"a member more":                  {replaced(1, `{"tenant"`, `{"note":1,"tenant"`), []string{"line 2 of the file", "no export writes"}},
		"a member twice":                 {replaced(1, `{"tenant"`, `{"by":"eve","tenant"`), []string{"line 2 of the file", "no export writes"}},
		"no JSON":                        {with(3, "hello\n"), []string{"line 4 of the file", "no export writes"}},
		"a line removed":                 {without(2, 3), []string{"line 3 of the file", "line 3 of the journal", "is missing"}},
		"several lines removed":          {without(1, 4), []string{"line 2 of the file", "line 2 of the journal", "is missing"}},
		"the first line removed":         {without(0, 1), []string{"lines before line 2 are missing: the first one was 1"}},
		"the last line removed":          {without(4, 5), []string{"lines behind line 4 are missing", "the last one was 5", owner(users[0]).User}},
		"the end of a journal removed":   {without(5, 6), []string{"line 6 of the file", "is in the midst of the journal of user " + owner(users[0]).User}},
		"the last end removed":           {without(9, 10), []string{"the end of the journal", owner(users[1]).User, "is missing"}},
		"all lines of a journal removed": {without(0, 5), []string{"line 1 of the file", "its lines are missing"}},
		"a journal removed":              {without(6, 10), []string{"there are those of 1 users, but the export had 2"}},
		"a line twice":                   {with(3, lines[2]), []string{"line 4 of the file", "line 3 of the journal", "was added, or is in another place"}},
		"a line of another journal":      {with(2, lines[7]), []string{"line 3 of the file", "in the midst"}},
		"two lines exchanged":            {moved(1, 2), []string{"line 3 of the file", "line 2 of the journal", "in another place: it belongs before line 2 of the file"}},
		"a line moved far":               {moved(1, 8), []string{"line 9 of the file", "line 2 of the journal", "belongs before line 2"}},
		"journals exchanged":             {slices.Concat(lines[6:10], lines[:6], lines[10:]), []string{"line 5 of the file", "in another place"}},
		"a journal replaced":             {forged(t, lines), []string{"line 11 of the file", "replaced by another one"}},
		"a line behind the end":          {append(slices.Clone(lines), "\n"+lines[0]), []string{"line 12 of the file"}},
		"other numbers at the end":       {replaced(10, `"lines":8`, `"lines":9`), []string{"there are 8 lines, but the export had 9"}},
		"cut in a line":                  {cut(3), []string{notWhole, "it has 3 lines"}},
		"cut between lines":              {lines[:4], []string{notWhole, "it has 4 lines"}},
		"cut before the end":             {lines[:10], []string{notWhole, "it has 8 lines"}},
		"cut in the end":                 {cut(10), []string{notWhole}},
		"empty":                          {nil, []string{notWhole}},
		"a long line":                    {[]string{strings.Repeat("x", 2<<20)}, []string{"line 1 of the file", "no export writes"}},
	} {
		_, err := verify(row.changed)
		for _, want := range row.says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
		}
	}
}

// falling is a writer that takes only so much, and counts the calls after that.
type falling struct{ left int }

func (f *falling) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("nobody reads")
	}
	return len(p), nil
}

func TestAnExportEndsWhenNobodyReadsIt(t *testing.T) {
	if err := export.Write(t.Context(), journals(t), export.Selection{}, &falling{left: 100}); err == nil || err.Error() != "nobody reads" {
		t.Errorf("err = %v", err)
	}
}

// dropping drops all lines but the last when a second page is read.
type dropping struct {
	*sqlite.Store
	t *testing.T
}

func (d *dropping) Journal(ctx context.Context, query item.LineQuery) (item.Lines, error) {
	if query.From > 0 {
		if _, err := item.DropOld(ctx, d.Store, item.Retention{Lines: item.MillisOf(monday.Add(500 * day))}); err != nil {
			d.t.Fatal(err)
		}
	}
	return d.Store.Journal(ctx, query)
}

func TestLinesThatAreDroppedMeanwhileEndTheExport(t *testing.T) {
	store := journals(t)
	for n := range 600 {
		write(t, store, users[0], "u0", monday.Add(10*day+time.Duration(n)*time.Hour*4))
	}
	var written bytes.Buffer
	err := export.Write(t.Context(), &dropping{store, t}, export.Selection{}, &written)
	if err == nil || !strings.Contains(err.Error(), "export again") {
		t.Errorf("err = %v", err)
	}
	if _, err := export.Verify(&written); !errors.Is(err, export.ErrNotWhole) {
		t.Errorf("what was written is found %v", err)
	}
	if again, err := verify(exported(t, store, export.Selection{Owner: users[0]})); err != nil || again.Lines != 1 {
		t.Errorf("another try: %+v, %v", again, err)
	}
}
