package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/journal"
)

// writeAt makes a write of a note at a time, within a quota.
func writeAt(t *testing.T, store Store, owner account.Owner, at int64, quota item.Quota, w item.Write) {
	t.Helper()
	b := batch(owner, w)
	b.Now, b.Quota = fixed(at), quota
	mustWrite(t, store, b)
}

// contents is which lines keep contents, as Seq.
func contents(t *testing.T, store Store, owner account.Owner) (kept, all []int64) {
	t.Helper()
	found, err := store.Lines(context.Background(), owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range found {
		all = append(all, line.Seq)
		if line.Kept != nil {
			kept = append(kept, line.Seq)
		}
	}
	return kept, all
}

// checkSums compares the usage with a recount, also where lines were dropped.
func checkSums(t *testing.T, store Store, owner account.Owner) {
	t.Helper()
	sums, err := store.Sums(context.Background(), owner)
	if err != nil || sums.Lines != sums.UsedLines || sums.Bytes != sums.UsedBytes {
		t.Errorf("sums %+v, %v", sums, err)
	}
	if said := used(t, store, owner, 1); said.JournalLines != sums.Lines || said.HistoryBytes != sums.Bytes {
		t.Errorf("a write sees %+v of %+v", said, sums)
	}
}

func roomInOrder(t *testing.T, store Store) {
	payload := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	one := uid(1)
	for range 5 {
		writeAt(t, store, alice, 1000, item.Quota{}, item.Write{UID: one, Decide: next(one, payload(1000))})
	}
	writeAt(t, store, alice, 1000, item.Quota{}, item.Write{UID: uid(2), Decide: next(uid(2), payload(1000))})
	writeAt(t, store, alice, 1000, item.Quota{}, item.Write{UID: uid(2), Decide: without})
	writeAt(t, store, bob, 1000, item.Quota{}, item.Write{UID: one, Decide: next(one, payload(1000))})
	writeAt(t, store, bob, 1000, item.Quota{}, item.Write{UID: one, Decide: next(one, payload(1000))})
	if kept, _ := contents(t, store, alice); !slices.Equal(kept, []int64{2, 3, 4, 5, 7}) {
		t.Fatalf("contents %v", kept)
	}
	// 8 lines, 2 live items and a tombstone, and room for it all but the contents.
	const all = 8*item.LineBytes + 3*1000
	writeAt(t, store, alice, 1000, item.Quota{Bytes: all + 5000}, item.Write{UID: uid(3), Decide: next(uid(3), payload(1000))})
	if kept, _ := contents(t, store, alice); len(kept) != 5 {
		t.Errorf("contents %v within the quota", kept)
	}
	writeAt(t, store, alice, 1000, item.Quota{Bytes: all + 5000}, item.Write{UID: uid(3), Decide: next(uid(3), payload(1000))})
	if kept, lines := contents(t, store, alice); !slices.Equal(kept, []int64{9}) || len(lines) != 9 {
		t.Errorf("contents %v of %v: the oldest go, but none of the batch", kept, lines)
	}
	if get(t, store, note(alice, 2)) == nil {
		t.Error("the tombstone went although contents made room")
	}
	writeAt(t, store, alice, 1000, item.Quota{Bytes: 1}, item.Write{UID: uid(3), Decide: next(uid(3), payload(10))})
	if kept, lines := contents(t, store, alice); !slices.Equal(kept, []int64{10}) || len(lines) != 10 || get(t, store, note(alice, 2)) != nil {
		t.Errorf("contents %v of %v", kept, lines)
	}
	if kept, _ := contents(t, store, bob); len(kept) != 1 {
		t.Errorf("contents of another owner %v", kept)
	}
	checkSums(t, store, alice)
}

func keptLines(t *testing.T, store Store) {
	const surplus = 250
	b := batch(alice)
	for n := range item.KeptLines + surplus {
		b.Writes = append(b.Writes, item.Write{Kind: "note", UID: uid(n), Decide: next(uid(n), `{}`)})
	}
	b.Now = fixed(1000)
	mustWrite(t, store, b)
	writeAt(t, store, alice, 2000, item.Quota{Bytes: 1}, item.Write{UID: uid(1), Decide: next(uid(1), `{}`)})
	_, all := contents(t, store, alice)
	if len(all) != item.KeptLines || all[0] != surplus+2 || all[len(all)-1] != item.KeptLines+surplus+1 {
		t.Errorf("%d lines from %d on", len(all), all[0])
	}
	checkSums(t, store, alice)
	writeAt(t, store, alice, 2000, item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), `{}`)})
	if _, err := item.Verify(context.Background(), store); err != nil {
		t.Error(err)
	}
}

func retention(t *testing.T, store Store) {
	ctx := context.Background()
	for n := range 500 {
		writeAt(t, store, alice, int64(1000+n), item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), fmt.Sprint(n))})
	}
	for _, owner := range []account.Owner{bob, eve} {
		for range 3 {
			writeAt(t, store, owner, 1000, item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), `{}`)})
		}
	}
	drop := func(contentsBefore, linesBefore item.Millis, want item.Dropped) {
		t.Helper()
		got, err := item.DropOld(ctx, store, item.Retention{Contents: contentsBefore, Lines: linesBefore})
		if got.Bytes = 0; err != nil || got != want {
			t.Errorf("dropped %+v, %v, want %+v", got, err, want)
		}
	}
	drop(1000, 1000, item.Dropped{})
	drop(1450, 1000, item.Dropped{Contents: 449 + 2 + 2})
	kept, all := contents(t, store, alice)
	if len(kept) != 50 || kept[0] != 451 || len(all) != 500 {
		t.Errorf("%d contents, %d lines are left", len(kept), len(all))
	}
	checkSums(t, store, alice)
	drop(1450, 1460, item.Dropped{Lines: 460 + 2 + 2})
	kept, all = contents(t, store, alice)
	if len(kept) != 40 || len(all) != 40 || all[0] != 461 {
		t.Errorf("%d contents, lines %v are left", len(kept), all)
	}
	for _, owner := range []account.Owner{alice, bob, eve} {
		checkSums(t, store, owner)
	}
	drop(1_000_000, 1_000_000, item.Dropped{Contents: 40, Lines: 39})
	if _, all = contents(t, store, alice); !slices.Equal(all, []int64{500}) {
		t.Errorf("the last line is not left: %v", all)
	}
	writeAt(t, store, alice, 2000, item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), `{}`)})
	if read, err := item.Verify(ctx, store); err != nil || read.Owners != 3 || read.Lines != 4 || read.Contents != 1 {
		t.Errorf("read %+v, %v", read, err)
	}
}

func verified(t *testing.T, store Store) {
	ctx := context.Background()
	if read, err := item.Verify(ctx, store); err != nil || read != (item.Verified{}) {
		t.Errorf("read %+v, %v", read, err)
	}
	for n := range 450 {
		owner := account.Owner{Tenant: fmt.Sprint("t", n%3), User: fmt.Sprint("u", n%50)}
		writeAt(t, store, owner, 1000, item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), fmt.Sprint(n))})
	}
	wipe(t, store, account.Owner{Tenant: "t0", User: "u0"}, 1, fixed(5000)())
	if read, err := item.Verify(ctx, store); err != nil || read.Owners != 150 || read.Lines != 451 || read.Contents != 298 {
		t.Errorf("read %+v, %v", read, err)
	}
}

// seqs is a page in short.
func seqs(page item.Lines) (all []int64) {
	for _, line := range page.Lines {
		all = append(all, line.Seq)
	}
	return all
}

func pagesOfLines(t *testing.T, store Store) {
	ctx := context.Background()
	clients := map[int64]string{1000: "claude-code/x/1", 2000: "claude-code/1.0", 4000: "Claude-Code/2"}
	add := func(at int64, joint bool, writes ...item.Write) {
		t.Helper()
		b := item.Batch{Owner: alice, Epoch: 1, Now: fixed(at), Joint: joint, Writes: writes, Origin: journal.Origin{Client: clients[at]}}
		mustWrite(t, store, b)
	}
	of := func(kind entity.Kind, n int) item.Write {
		return item.Write{Kind: kind, UID: uid(n), Decide: next(uid(n), `{}`)}
	}
	add(1000, false, of("note", 1))
	add(2000, false, of("task", 1))
	add(3000, true, of("note", 1), of("note", 2), of("chat", 3))
	add(4000, false, of("note", 1))
	read := func(q item.LineQuery) item.Lines {
		t.Helper()
		if q.Owner = alice; q.Limit == 0 {
			q.Limit = 10
		}
		page, err := store.Journal(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	since := item.Millis(2500)
	ref := note(alice, 1)
	for name, row := range map[string]struct {
		query item.LineQuery
		want  []int64
		more  bool
	}{
		"all":               {item.LineQuery{}, []int64{1, 2, 3, 4, 5, 6}, false},
		"two":               {item.LineQuery{Limit: 2}, []int64{1, 2}, true},
		"behind":            {item.LineQuery{From: 4}, []int64{5, 6}, false},
		"since":             {item.LineQuery{Since: &since}, []int64{3, 4, 5, 6}, false},
		"kinds":             {item.LineQuery{Kinds: []entity.Kind{"task", "chat"}}, []int64{2, 5}, false},
		"a client":          {item.LineQuery{Client: "claude-code"}, []int64{2, 6}, false},
		"its kinds":         {item.LineQuery{Client: "Claude-Code", Kinds: []entity.Kind{"note"}}, []int64{6}, false},
		"its version":       {item.LineQuery{Client: "claude-code/1.0"}, []int64{2}, false},
		"its name in paths": {item.LineQuery{Client: "claude-code/x"}, []int64{1}, false},
		"no client":         {item.LineQuery{Client: "claude"}, nil, false},
		"one of it":         {item.LineQuery{Client: "claude-code", Limit: 1}, []int64{2}, true},
		"of an item":        {item.LineQuery{Descending: true}.Of(ref), []int64{6, 3, 1}, false},
		"two of it":         {item.LineQuery{Descending: true, Limit: 2}.Of(ref), []int64{6, 3}, true},
		"below":             {item.LineQuery{Descending: true, Below: 3}.Of(ref), []int64{1}, false},
		"of a batch":        {item.LineQuery{Whole: true, Batch: 3, From: 2}, []int64{3, 4, 5}, false},
		"of no batch":       {item.LineQuery{Whole: true, Batch: 4, From: 3}, nil, false},
		"with items":        {item.LineQuery{Items: true, From: 4}, []int64{5, 6}, false},
		"the end":           {item.LineQuery{From: 6}, nil, false},
	} {
		page := read(row.query)
		if got := seqs(page); !slices.Equal(got, row.want) || page.More != row.more || page.Head != 6 || page.First != 1 || page.Floor != 0 {
			t.Errorf("%s: %v, %+v", name, got, page)
		}
	}
	if page := read(item.LineQuery{}.Of(ref)); !page.Exists || page.Oldest != 1 || page.Before != 0 || !page.Lines[1].Kept || page.Lines[0].Kept {
		t.Errorf("of an item: %+v", page)
	}
	if page := read(item.LineQuery{}.Of(note(alice, 7))); page.Exists || page.Oldest != 0 || len(page.Lines) != 0 {
		t.Errorf("of no item: %+v", page)
	}
	stored := lines(t, store, alice)
	for n, line := range read(item.LineQuery{Whole: true}).Lines {
		if !line.Sound() || line.Hash.String() != stored[n].Hash.String() {
			t.Errorf("line %d is %+v", n+1, line)
		}
	}
	wipe(t, store, alice, 1, fixed(5000)())
	b := batch(alice, of("note", 1))
	b.Epoch = 2
	mustWrite(t, store, b)
	if page := read(item.LineQuery{}); !slices.Equal(seqs(page), []int64{8}) || page.Floor != 7 || page.FloorAt != 5000 || page.FirstAt != 1000 {
		t.Errorf("after a wipe %+v", page)
	}
	if page := read(item.LineQuery{Whole: true, From: 5}); !slices.Equal(seqs(page), []int64{6, 7, 8}) || page.Lines[1].Name != journal.Wiped {
		t.Errorf("after a wipe, whole %+v", page)
	}
	if page := read(item.LineQuery{}.Of(ref)); !slices.Equal(seqs(page), []int64{8}) || page.Oldest != 8 {
		t.Errorf("after a wipe, of an item %+v", page)
	}
}

// trails checks what a write sees of its item's lines, those of its own batch included.
func trails(t *testing.T, store Store) {
	one := uid(1)
	for n := range 3 {
		mustWrite(t, store, batch(alice, item.Write{UID: one, Decide: next(one, fmt.Sprint(n))}))
	}
	look := func(q item.TrailQuery, want string) item.Decision {
		return func(seen item.Snapshot) (*item.Item, error) {
			found, err := seen.Trail(q)
			said := []string{}
			for _, line := range found {
				said = append(said, fmt.Sprintf("%d:%d>%d %v%s", line.Seq, line.Before, line.Now, line.Kept, line.Payload))
			}
			if got := strings.Join(said, ", "); err != nil || got != want {
				t.Errorf("%+v: %q, %v, want %q", q, got, err, want)
			}
			return nil, nil
		}
	}
	mustWrite(t, store, batch(alice,
		item.Write{UID: one, Decide: next(one, `3`)},
		item.Write{UID: one, Decide: look(item.TrailQuery{From: 2, Limit: 2, Payloads: true}, "2:1>2 true0, 3:2>3 true1")},
		item.Write{UID: one, Decide: look(item.TrailQuery{From: 2, Limit: 2}, "2:1>2 true, 3:2>3 true")},
		item.Write{UID: one, Decide: look(item.TrailQuery{Newest: true, Limit: 2, Payloads: true}, "4:3>4 true2, 3:2>3 true1")},
		item.Write{UID: one, Decide: look(item.TrailQuery{Limit: 9}, "1:0>1 false, 2:1>2 true, 3:2>3 true, 4:3>4 true")},
		item.Write{UID: uid(2), Decide: look(item.TrailQuery{Limit: 9}, "")},
	))
	mustWrite(t, store, batch(bob, item.Write{UID: one, Decide: look(item.TrailQuery{Limit: 9}, "")}))
}

// Cells reads and writes single columns of the journal, of the line that a condition
// names.
type Cells struct {
	Get func(t *testing.T, column, where string) any
	Set func(t *testing.T, column, where string, value any)
}

// CheckAltered changes each column of a line in turn, and expects that the line is
// named.
func CheckAltered(t *testing.T, store Store, cells Cells) {
	ctx := context.Background()
	for n := range 6 {
		b := batch(alice, item.Write{UID: uid(n % 2), Decide: next(uid(n%2), `{"a":1}`)})
		b.Now, b.Origin = fixed(1000), journal.Origin{By: "ann", Client: "c", Tool: "t", Correlation: fmt.Sprint("corr", n+1)}
		mustWrite(t, store, b)
	}
	if _, err := item.Verify(ctx, store); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []int64{3, 6} {
		for _, column := range []string{
			"tenant", "owner", "seq", "at_ms", "epoch", "kind", "uid", "change", "fields", "before_version", "version", "batch",
			"author", "client", "tool", "correlation", "content_hash", "previous", "hash", "was_deleted", "content",
		} {
			where := fmt.Sprintf("correlation = 'corr%d'", seq)
			if column == "correlation" {
				where = fmt.Sprintf("at_ms = %d", 1000+seq-1)
			}
			was := cells.Get(t, column, where)
			cells.Set(t, column, where, altered(was))
			_, err := item.Verify(ctx, store)
			var wrong *item.WrongLine
			if !errors.As(err, &wrong) || column != "tenant" && column != "owner" && (wrong.Owner != alice || wrong.Seq != seq) {
				t.Errorf("%s of line %d: %v", column, seq, err)
			}
			cells.Set(t, column, where, was)
		}
	}
	where := "correlation = 'corr3'"
	was := cells.Get(t, "fields", where)
	cells.Set(t, "fields", where, fmt.Sprint(was, " "))
	if _, err := item.Verify(ctx, store); err == nil {
		t.Error("a blank in a list of fields was not found")
	}
	cells.Set(t, "fields", where, was)
	if _, err := item.Verify(ctx, store); err != nil {
		t.Error(err)
	}
}

// altered is another value.
func altered(was any) any {
	switch was := was.(type) {
	case int64:
		if was < 2 {
			return 1 - was
		}
		return was + 1000
	case bool:
		return !was
	case []byte:
		changed := slices.Clone(was)
		changed[len(changed)/2] ^= 1
		return changed
	case string:
		if was == "" {
			return "x"
		}
		changed := []byte(was)
		changed[len(changed)/2] ^= 1
		return string(changed)
	}
	panic(fmt.Sprintf("a value of type %T", was))
}

// CheckMissing removes lines, and expects that the first of them is named.
func CheckMissing(t *testing.T, store Store, remove func(where string)) {
	for n := range 6 {
		writeAt(t, store, alice, 1000, item.Quota{}, item.Write{UID: uid(1), Decide: next(uid(1), fmt.Sprint(n))})
	}
	for _, row := range []struct {
		where string
		seq   int64
	}{{"seq = 6", 6}, {"seq = 3", 3}} {
		remove(row.where)
		_, err := item.Verify(context.Background(), store)
		var wrong *item.WrongLine
		if !errors.As(err, &wrong) || wrong.Owner != alice || wrong.Seq != row.seq {
			t.Errorf("without the line of %s: %v", row.where, err)
		}
	}
}

// newestLines compares with the lines that the owners have, whose payloads and chains
// nobody sees there.
func newestLines(t *testing.T, store Store) {
	for n, owner := range []account.Owner{alice, eve, bob, alice, bob, eve} {
		b := batch(owner, item.Write{UID: uid(n), Decide: next(uid(n), `{"title":"secret"}`)})
		b.Origin, b.Now = journal.Origin{By: "by " + owner.User[:1], Client: "c", Tool: "t", Correlation: fmt.Sprint(n)}, fixed(int64(1000+n))
		mustWrite(t, store, b)
	}
	if _, _, err := store.Wipe(context.Background(), alice, 1, origin, fixed(2000)); err != nil {
		t.Fatal(err)
	}
	var want []journal.Line
	for _, owner := range []account.Owner{alice, bob} {
		for _, line := range lines(t, store, owner) {
			want = append(want, journal.Line{At: line.At, Kind: line.Kind, UID: line.UID, Now: line.Now, Change: line.Change, Origin: line.Origin})
		}
	}
	slices.SortFunc(want, func(a, b journal.Line) int { return cmp.Compare(b.At, a.At) })
	for _, most := range []int{1, 3, 5, 100} {
		got, err := store.Newest(context.Background(), alice.Tenant, most)
		if err != nil || len(got) != min(most, len(want)) {
			t.Fatalf("%d of %d lines, %v", len(got), most, err)
		}
		for n, line := range got {
			if !reflect.DeepEqual(named(line), named(want[n])) {
				t.Errorf("line %d is %+v\nwant %+v", n, line, want[n])
			}
		}
	}
}

// named is a line whose Fields are never nil.
func named(line journal.Line) journal.Line {
	line.Fields = line.Names()
	return line
}

// LineQueries is every sort of page of lines of an owner.
func LineQueries(owner account.Owner) map[string]item.LineQuery {
	since := item.Millis(50)
	ref := item.Ref{Owner: owner, Kind: "note", UID: uid(1)}
	return map[string]item.LineQuery{
		"changes":             {Owner: owner, Items: true, Limit: 50},
		"changes since":       {Owner: owner, Items: true, Since: &since, Limit: 50},
		"changes from":        {Owner: owner, Items: true, From: 7, Limit: 50},
		"changes of kinds":    {Owner: owner, Items: true, From: 7, Kinds: []entity.Kind{"note", "task"}, Limit: 50},
		"changes of a client": {Owner: owner, Items: true, From: 7, Client: "a", Kinds: []entity.Kind{"note"}, Limit: 50},
		"the journal":         {Owner: owner, Whole: true, From: 7, Limit: 50},
		"the journal since":   {Owner: owner, Whole: true, Since: &since, Limit: 50},
		"a history":           item.LineQuery{Descending: true, Limit: 50}.Of(ref),
		"a history's middle":  item.LineQuery{Descending: true, Below: 9, Limit: 50}.Of(ref),
		"a line":              {Owner: owner, Whole: true, From: 6, Below: 8, Limit: 1},
		"the last before":     {Owner: owner, Whole: true, Until: &since, Descending: true, Limit: 1},
		"own last":            {Owner: owner, Writer: &journal.Origin{By: "a", Client: "b/1"}, Descending: true, Limit: 1},
		"a batch":             {Owner: owner, Whole: true, From: 6, Batch: 7, Limit: 1001},
	}
}
