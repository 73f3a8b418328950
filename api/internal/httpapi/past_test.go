package httpapi_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

// lineJSON is a change as changes and history show it.
type lineJSON struct {
	At, Kind, UID, Title, Change, By, Client, Tool string
	Version, Before                                int64
	Kept                                           bool
	Fields                                         []string
	Parent                                         *struct{ Kind, UID, Title string }
	ChangeID                                       string `json:"change_id"`
	BatchID                                        string `json:"batch_id"`
}

type linesJSON struct {
	Changes, History   []lineJSON
	NextCursor, Begins string
	DroppedBefore      string
	More               bool
}

func (a answer) lines() linesJSON {
	a.t.Helper()
	var page linesJSON
	if err := json.Unmarshal(a.is(http.StatusOK).body, &page); err != nil {
		a.t.Fatal(err)
	}
	return page
}

// told is changes in short: "c1 created note 1 [title]".
func told(lines []lineJSON) (all []string) {
	for _, l := range lines {
		all = append(all, fmt.Sprintf("%s %s %s %d %v", l.ChangeID, l.Change, l.Kind, l.Version, l.Fields))
	}
	return all
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v\nwant %v", what, got, want)
	}
}

func TestChangesSayWhatWasDoneByWhomInTheOrderOfStoring(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		empty := u.call("GET", "/v1/changes", "").lines()
		if len(empty.Changes) != 0 || empty.NextCursor == "" || empty.More || empty.Begins != "" {
			t.Errorf("nothing has changed: %+v", empty)
		}
		u.call("POST", "/v1/notes", `{"title":"Theirs"}`).is(201)
		mine := u.call("GET", "/v1/changes?since="+empty.NextCursor, "").lines()
		equal(t, "the first", told(mine.Changes), []string{"c1 created note 1 [title uid]"})

		note := u.call("POST", "/v1/notes", `{"title":"Milk","tags":["a"]}`, header{"X-TB-Client": {"claude"}, "X-TB-Tool": {"create_note"}}).is(201).item().UID
		comment := u.call("POST", "/v1/comments", `{"content":"Good\nidea","parentType":"note","parentUid":"`+note+`"}`).is(201).item().UID
		other := u.call("POST", "/v1/notes", `{"title":"Other"}`).is(201).item().UID
		u.call("PATCH", "/v1/notes/"+note, `{"title":"Bread","a":1}`).is(200)
		u.call("POST", "/v1/notes/"+note+"/archive", "").is(200)
		u.call("POST", "/v1/notes/"+note+"/process", `{"action":"unarchive"}`).is(200)
		u.call("PATCH", "/v1/comments/"+comment, `{"parentUid":"`+other+`"}`).is(200)
		u.call("DELETE", "/v1/notes/"+note, "").is(200)
		u.call("PATCH", "/v1/comments/"+comment, `{"parentUid":"`+other+`"}`).is(200) // changes nothing
		page := u.call("GET", "/v1/changes?since="+mine.NextCursor, "").lines()
		equal(t, "changes", told(page.Changes), []string{
			"c2 created note 1 [tags title uid]", "c3 created comment 1 [content parentType parentUid uid]", "c4 created note 1 [title uid]",
			"c5 updated note 2 [a title]", "c6 archived note 3 [status]", "c7 unarchived note 4 [status]",
			"c8 moved comment 2 [parentUid]", "c9 deleted note 5 []",
		})
		first, moved := page.Changes[0], page.Changes[6]
		if first.Title != "Bread" || first.By != "alice" || first.Client != "claude" || first.Tool != "create_note" || first.UID != note || first.BatchID != "" || first.Parent != nil {
			t.Errorf("the first is %+v", first)
		}
		if moved.Title != "Good" || moved.Parent == nil || moved.Parent.UID != other || moved.Parent.Kind != "note" || moved.Parent.Title != "Other" {
			t.Errorf("the one of the comment is %+v", moved)
		}
		kinds := u.call("GET", "/v1/changes?kinds=comment,task&cursor="+mine.NextCursor, "").lines()
		equal(t, "comments", told(kinds.Changes), []string{"c3 created comment 1 [content parentType parentUid uid]", "c8 moved comment 2 [parentUid]"})
		if kinds.NextCursor != page.NextCursor {
			t.Errorf("the page of comments leads on to %s", kinds.NextCursor)
		}
		if end := u.call("GET", "/v1/changes?since="+page.NextCursor, "").lines(); len(end.Changes) != 0 || end.NextCursor != page.NextCursor {
			t.Errorf("at the end: %+v", end)
		}
		if others := u.user("bob").call("GET", "/v1/changes", "").lines(); len(others.Changes) != 0 {
			t.Errorf("another user sees %v", told(others.Changes))
		}
	})
}

func TestChangesAreThoseOfOneClient(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, client := range []string{"claude-code/1.0", "", "cursor/3", "claude-code/2.1.0", "Claude-Code", "claude-codex/1"} {
			u.call("POST", "/v1/notes", `{}`, header{"X-TB-Client": {client}}).is(201)
		}
		u.call("POST", "/v1/tasks", `{}`, set("X-TB-Client", "claude-code/2.1.0")).is(201)
		all := u.call("GET", "/v1/changes", "").lines()
		if len(all.Changes) != 7 {
			t.Errorf("without a client: %v", told(all.Changes))
		}
		for query, want := range map[string][]string{
			"client=claude-code":            {"c1", "c4", "c5", "c7"},
			"client=CLAUDE-code":            {"c1", "c4", "c5", "c7"},
			"client=claude-code/2.1.0":      {"c4", "c7"},
			"client=claude-code&kinds=task": {"c7"},
			"client=claude-code&cursor=" + u.call("GET", "/v1/changes?limit=4", "").lines().NextCursor: {"c5", "c7"},
			"client=nobody": nil,
		} {
			var ids []string
			page := u.call("GET", "/v1/changes?"+query, "").lines()
			for _, change := range page.Changes {
				ids = append(ids, change.ChangeID)
			}
			equal(t, query, ids, want)
			if page.NextCursor != all.NextCursor || page.More {
				t.Errorf("%s leads on to %s, more is %v", query, page.NextCursor, page.More)
			}
		}
	})
}

func TestChangesArePagedFromATimeOrACursorAndSayWhereTheyBegin(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t)
		u := p.user("alice")
		var times []string
		for range 5 {
			times = append(times, u.call("POST", "/v1/notes", `{}`).is(201).item().UpdatedAt)
			p.clock.advance(time.Minute)
		}
		var got []string
		cursor := ""
		for {
			page := u.call("GET", "/v1/changes?limit=2"+cursor, "").lines()
			got = append(got, told(page.Changes)...)
			cursor = "&cursor=" + page.NextCursor
			if page.More != (len(got) < 5) {
				t.Errorf("more is %v after %d", page.More, len(got))
			}
			if !page.More {
				break
			}
		}
		if len(got) != 5 || !strings.HasPrefix(got[4], "c5 ") {
			t.Errorf("pages of two: %v", got)
		}
		since := u.call("GET", "/v1/changes?since="+times[3], "").lines()
		if len(since.Changes) != 2 || since.Changes[0].ChangeID != "c4" || since.Begins != "" {
			t.Errorf("since %s: %+v", times[3], since)
		}
		later := u.call("GET", "/v1/changes?since=2999-01-01", "").lines()
		if len(later.Changes) != 0 || "&cursor="+later.NextCursor != cursor {
			t.Errorf("since a time to come: %+v", later)
		}
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		u.call("POST", "/v1/notes", `{}`).is(201)
		for _, from := range []string{"", "?since=" + times[0], "?" + cursor[1:]} {
			page := u.call("GET", "/v1/changes"+from, "").lines()
			if len(page.Changes) != 1 || page.Changes[0].ChangeID != "c7" || page.Begins == "" {
				t.Errorf("after a wipe, from %q: %+v", from, page)
			}
		}
		for query, code := range map[string]string{
			"since=": "invalid_filter", "since=monday": "invalid_filter", "since=1&since=2": "invalid_filter", "since=1&cursor=" + since.NextCursor: "invalid_filter",
			"since=j1.000000": "invalid_cursor", "cursor=": "invalid_cursor", "cursor=1": "invalid_cursor", "cursor=" + since.NextCursor + "0": "invalid_cursor",
			"since=" + strings.ToUpper(since.NextCursor): "invalid_filter",
			"client=":            "invalid_filter",
			"client=a%20b":       "invalid_filter",
			"client=a&client=b":  "invalid_filter",
			"kinds=":             "invalid_filter",
			"kinds=notes":        "invalid_filter",
			"kinds=note,":        "invalid_filter",
			"limit=0":            "invalid_limit",
			"until=2026-01-01":   "invalid_query",
			"includeDeleted=yes": "invalid_query",
		} {
			u.call("GET", "/v1/changes?"+query, "").fails(400, code)
		}
		u.user("bob").call("GET", "/v1/changes?since="+since.NextCursor, "").fails(400, "invalid_cursor")
	})
}

func TestTheHistoryOfAnItemIsItsChangesNewestFirst(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		uid := u.has(e, `"a":1`).UID
		path := path(e) + "/" + uid
		u.call("PATCH", path, `{"a":2}`, header{"X-TB-Client": {"claude"}, "X-TB-Tool": {"update"}}).is(200)
		u.call("DELETE", path, "").is(200)
		all := u.call("GET", path+"/history", "").lines()
		var got []string
		for _, l := range all.History {
			got = append(got, fmt.Sprintf("%s %d<%d %v %s/%s/%s", l.Change, l.Version, l.Before, l.Kept, l.By, l.Client, l.Tool))
		}
		equal(t, "history", got, []string{"deleted 3<2 true alice//", "updated 2<1 true alice/claude/update", "created 1<0 false alice//"})
		if all.NextCursor != "" || all.DroppedBefore != "" {
			t.Errorf("all of it: %+v", all)
		}
		page := u.call("GET", path+"/history?limit=2", "").lines()
		rest := u.call("GET", path+"/history?limit=2&cursor="+page.NextCursor, "").lines()
		if len(page.History) != 2 || len(rest.History) != 1 || rest.History[0].ChangeID != all.History[2].ChangeID || rest.NextCursor != "" {
			t.Errorf("in pages: %+v, %+v", page, rest)
		}
		u.call("GET", "/v1/notes/"+someUID+"/history", "").fails(404, "not_found")
		u.call("GET", path+"/history?since=1", "").fails(400, "invalid_query")
		u.call("GET", path+"/history?cursor=j1.000000", "").fails(400, "invalid_cursor")
		u.user("bob").call("GET", path+"/history", "").fails(404, "not_found")
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		u.call("GET", path+"/history", "").fails(404, "not_found")
	})
}

func TestAnItemIsRestoredAtAVersion(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		made := u.has(e, `"a":1,"tags":["x"]`)
		path := path(e) + "/" + made.UID
		u.call("PATCH", path, `{"a":2,"b":[1.50],"tags":[]}`).is(200)
		restored := u.call("POST", path+"/restore?dryRun=true", `{"version":1}`).is(200).item()
		if u.call("GET", path, "").is(200).item().Version != 2 || restored.Version != 3 {
			t.Errorf("the dry run made version %d", restored.Version)
		}
		answer := u.call("POST", path+"/restore", `{"version":1}`).is(200)
		next := answer.item()
		if next.Version != 3 || next.Payload["a"] != 1.0 || next.Payload["b"] != nil || next.UpdatedAt == made.UpdatedAt || answer.header.Get("X-Change-Id") == "" {
			t.Errorf("restored to %s", answer.body)
		}
		if got := u.call("GET", itemsOf(e)+"?tag=x", "").is(200); !strings.Contains(string(got.body), made.UID) {
			t.Errorf("it is not found by its tag again: %s", got.body)
		}
		if again := u.call("POST", path+"/restore", `{"version":3}`).is(200); again.item().Version != 3 || again.header.Get("X-Change-Id") != "" {
			t.Errorf("restored to the version that it has: %s", again.body)
		}
		u.call("POST", path+"/restore", `{"version":2}`, set("If-Match", "2")).fails(412, "version_mismatch")
		key := keyed("once")
		once := u.call("POST", path+"/restore", `{"version":2}`, set("If-Match", "3"), key).is(200).item()
		if twice := u.call("POST", path+"/restore", `{"version":2}`, set("If-Match", "3"), key).is(200).item(); once.Version != 4 || twice.Version != 4 {
			t.Errorf("versions %d and %d with one key", once.Version, twice.Version)
		}
		u.call("POST", path+"/restore", `{}`).fails(422, "invalid_field")
		gone := u.call("POST", path+"/restore", `{"version":9}`).fails(410, "version_not_kept")
		equal(t, "kept", gone.detail("kept"), []any{4.0, 3.0, 2.0, 1.0})
		for body, code := range map[string]string{`{"version":0}`: "invalid_json", `{"version":"1"}`: "invalid_json", `{"version":1.5}`: "invalid_json", `{"Version":1}`: "invalid_json", `[]`: "invalid_json"} {
			if got := u.call("POST", path+"/restore", body).fails(400, code); got.detail("field") == nil && body != `[]` {
				t.Errorf("%s: %s", body, got.body)
			}
		}
		u.call("POST", itemsOf(e)+"/"+someUID+"/restore", `{}`).fails(404, "not_found")
		history := u.call("GET", path+"/history", "").lines()
		if history.History[0].Change != "restored" || history.History[0].Version != 4 {
			t.Errorf("the history says %+v", history.History[0])
		}
	})
}

// itemsOf is path, where a variable has its name.
func itemsOf(e *entity.Entity) string { return path(e) }

func TestADeletedItemIsRestoredUnderItsUID(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		path := itemsOf(e) + "/" + u.has(e, `"a":1,"tags":["x"]`).UID
		before := u.call("PATCH", path, `{"b":2}`).is(200).item()
		cursor := u.call("GET", syncPath(e, "pull"), "").is(200).json()["nextCursor"].(string)
		u.call("DELETE", path, "").is(200)
		u.call("POST", path+"/restore", `{"version":3}`).fails(422, "invalid_field")
		u.call("POST", path+"/restore", "", set("If-Match", "2")).fails(412, "version_mismatch")
		next := u.call("POST", path+"/restore", "", set("If-Match", "3")).is(200).item()
		delete(next.Payload, "sync")
		delete(before.Payload, "sync")
		delete(next.Payload, "updatedTs")
		delete(before.Payload, "updatedTs")
		if next.Version != 4 || !reflect.DeepEqual(next.Payload, before.Payload) {
			t.Errorf("restored to %+v, was %+v", next, before)
		}
		if pulled := u.call("GET", syncPath(e, "pull")+"?cursor="+cursor, "").is(200); !strings.Contains(string(pulled.body), `"version":4`) {
			t.Errorf("a pull has %s", pulled.body)
		}
		u.call("DELETE", path, "").is(200)
		if next := u.call("POST", path+"/restore", `{"version":1}`).is(200).item(); next.Version != 6 || next.Payload["b"] != nil {
			t.Errorf("restored to %+v", next)
		}
		if got := u.call("GET", itemsOf(e)+"?tag=x", "").is(200); !strings.Contains(string(got.body), before.UID) {
			t.Errorf("it is not found by its tag again: %s", got.body)
		}
	})
}

func TestARestoredItemObeysTheRulesOfEveryWrite(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(api *httpapi.API) { api.Items.Quota = item.Quota{Items: 3} }).user("alice")
		note := u.call("POST", "/v1/notes", `{"a":1}`).is(201).item().UID
		comment := u.call("POST", "/v1/comments", `{"parentType":"note","parentUid":"`+note+`"}`).is(201).item().UID
		u.call("DELETE", "/v1/comments/"+comment, "").is(200)
		u.call("DELETE", "/v1/notes/"+note, "").is(200)
		u.call("POST", "/v1/comments/"+comment+"/restore", "").fails(409, "parent_not_found")
		u.call("POST", "/v1/notes/"+note+"/restore", "").is(200)
		u.call("POST", "/v1/comments/"+comment+"/restore", "").is(200)
		u.call("DELETE", "/v1/comments/"+comment, "").is(200)
		for range 2 {
			u.call("POST", "/v1/notes", `{}`).is(201)
		}
		u.call("POST", "/v1/comments/"+comment+"/restore", "").fails(507, "quota_exceeded")
	})
}

func TestAnItemIsRestoredWhoseTombstoneWasDropped(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(api *httpapi.API) { api.Items.Quota = item.Quota{Items: 2} }).user("alice")
		uid := u.call("POST", "/v1/notes", `{"a":1}`).is(201).item().UID
		u.call("DELETE", "/v1/notes/"+uid, "").is(200)
		other := u.call("POST", "/v1/notes", `{}`).is(201).item().UID
		u.call("POST", "/v1/notes", `{}`).is(201)
		u.call("GET", "/v1/notes/"+uid+"?includeDeleted=true", "").fails(404, "not_found")
		history := u.call("GET", "/v1/notes/"+uid+"/history", "").lines()
		if len(history.History) != 2 {
			t.Fatalf("the history is %+v", history)
		}
		u.call("DELETE", "/v1/notes/"+other, "").is(200)
		u.call("POST", "/v1/notes/"+uid+"/restore", `{"version":2}`).fails(422, "invalid_field")
		u.call("POST", "/v1/notes/"+uid+"/restore", "", set("If-Match", "1")).fails(412, "version_mismatch")
		if got := u.call("POST", "/v1/notes/"+uid+"/restore", "").is(200).item(); got.Version != 3 || got.Payload["a"] != 1.0 {
			t.Errorf("restored to %+v", got)
		}
		if last := u.call("GET", "/v1/notes/"+uid+"/history", "").lines().History[0]; last.Change != "restored" || last.Version != 3 {
			t.Errorf("the history says %+v", last)
		}
		u.call("PATCH", "/v1/notes/"+uid, `{"a":2}`).is(200)
	})
}

// changeOf is the id of a successful write's change.
func (a answer) change() string {
	a.t.Helper()
	if a.status/100 != 2 || a.header.Get("X-Change-Id") == "" {
		a.t.Fatalf("%s: %d, no change: %s", a.request, a.status, a.body)
	}
	return a.header.Get("X-Change-Id")
}

func (u user) undo(id string) answer {
	u.t.Helper()
	name := map[byte]string{'c': "change_id", 'b': "batch_id"}[id[0]]
	return u.call("POST", "/v1/undo", `{"`+name+`":"`+id+`"}`)
}

// own is the keys of a payload that the server does not own.
func (i itemJSON) own() map[string]any {
	for _, key := range []string{"uid", "updatedTs", "sync"} {
		delete(i.Payload, key)
	}
	return i.Payload
}

func TestAWriteIsTakenBackFieldByField(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		uid := u.call("POST", "/v1/notes", `{"title":"A","n":1.50,"gone":true}`).is(201).item().UID
		path := "/v1/notes/" + uid
		shows := func(what, want string) {
			t.Helper()
			var wanted map[string]any
			_ = json.Unmarshal([]byte(want), &wanted)
			equal(t, what, u.call("GET", path, "").is(200).item().own(), wanted)
		}
		first := u.call("PUT", path, `{"title":"B","n":2,"new":{"a":[1]}}`).change()
		second := u.call("PATCH", path, `{"other":1}`).change()
		answer := u.undo(first).is(200)
		shows("undone under a later write of another field", `{"title":"A","n":1.50,"gone":true,"other":1}`)
		var said struct {
			Undone []struct {
				Kind, UID, Undoes string
				Version           int64
				Fields            []string
				ChangeID          string `json:"change_id"`
			}
			Unchanged []struct{ Undoes string }
			BatchID   string `json:"batch_id"`
		}
		if err := json.Unmarshal(answer.body, &said); err != nil || len(said.Undone) != 1 || len(said.Unchanged) != 0 {
			t.Fatalf("%v: %s", err, answer.body)
		}
		one := said.Undone[0]
		if one.Kind != "note" || one.UID != uid || one.Version != 4 || one.Undoes != first || said.BatchID != answer.header.Get("X-Change-Id") ||
			!slices.Equal(one.Fields, []string{"gone", "n", "new", "title"}) {
			t.Errorf("says %s", answer.body)
		}
		again := u.undo(first).is(200)
		if !strings.Contains(string(again.body), `"undone":[],"unchanged":[{"kind":"note"`) || again.header.Get("X-Change-Id") != "" {
			t.Errorf("again: %s", again.body)
		}
		u.undo(one.ChangeID).is(200)
		shows("the undo undone", `{"title":"B","n":2,"new":{"a":[1]},"other":1}`)
		u.undo(second).is(200)
		shows("the second", `{"title":"B","n":2,"new":{"a":[1]}}`)
		u.undo(first).is(200)
		shows("both", `{"title":"A","n":1.50,"gone":true}`)
		if body := u.call("GET", path, "").is(200).body; !strings.Contains(string(body), "1.50") {
			t.Errorf("digits were lost: %s", body)
		}
	})
}

func TestAnUndoIsRefusedWhereALaterWriteIsInTheWay(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		uid := u.call("POST", "/v1/notes", `{"title":"A","keep":1}`).is(201).item().UID
		path := "/v1/notes/" + uid
		long := strings.Repeat("ä", 500)
		first := u.call("PATCH", path, `{"title":"B","text":"`+long+`","keep":2}`).change()
		later := u.call("PATCH", path, `{"title":"C","text":null}`).change()
		u.call("PATCH", path, `{"elsewhere":1}`).is(200)
		refused := u.undo(first).fails(409, "undo_conflict")
		var said struct {
			Details struct {
				ChangeID string `json:"change_id"`
				Kind     string
				UID      string
				Title    string
				Later    string
				Version  int64
				Now      int64
				Fields   []map[string]any
			}
		}
		if err := json.Unmarshal(refused.body, &said); err != nil {
			t.Fatal(err)
		}
		d := said.Details
		if d.ChangeID != first || d.Kind != "note" || d.UID != uid || d.Title != "C" || d.Later != later || d.Version != 2 || d.Now != 4 {
			t.Errorf("says %s", refused.body)
		}
		equal(t, "fields", d.Fields, []map[string]any{
			{"field": "text", "was": strings.Repeat("ä", 199) + "…", "now": nil}, {"field": "title", "was": "B", "now": "C"},
		})
		if got := u.call("GET", path, "").is(200).item(); got.Version != 4 {
			t.Errorf("version %d", got.Version)
		}
		deleted := u.call("DELETE", path, "").change()
		if refused := u.undo(first).fails(409, "undo_conflict"); !strings.Contains(string(refused.body), `"later":"`+deleted+`"`) {
			t.Errorf("says %s", refused.body)
		}
		u.undo(deleted).is(200)
		u.undo(later).is(200)
		u.undo(first).is(200)
	})
}

func TestCreationDeletionAndRestorationAreTakenBack(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		answer := u.call("POST", itemsOf(e), u.body(e, `"a":1`))
		created, path := answer.change(), itemsOf(e)+"/"+answer.is(201).item().UID
		undone := u.undo(created).is(200)
		u.call("GET", path, "").fails(410, "deleted")
		if again := u.undo(created).is(200); !strings.Contains(string(again.body), `"undone":[]`) {
			t.Errorf("again: %s", again.body)
		}
		u.undo(undone.change()).is(200)
		if got := u.call("GET", path, "").is(200).item(); got.Version != 3 || got.Payload["a"] != 1.0 {
			t.Errorf("redone: %+v", got)
		}
		u.call("PATCH", path, `{"a":2}`).is(200)
		u.undo(created).fails(409, "undo_conflict")
		deleted := u.call("DELETE", path, "").change()
		u.undo(deleted).is(200)
		if got := u.call("GET", path, "").is(200).item(); got.Payload["a"] != 2.0 {
			t.Errorf("undeleted: %+v", got)
		}
		if again := u.undo(deleted).is(200); !strings.Contains(string(again.body), `"undone":[]`) {
			t.Errorf("again: %s", again.body)
		}
		u.call("DELETE", path, "").is(200)
		restored := u.call("POST", path+"/restore", `{"version":1}`).change()
		if got := u.call("GET", path, "").is(200).item(); got.Payload["a"] != 1.0 {
			t.Errorf("restored: %+v", got)
		}
		u.undo(restored).is(200)
		u.call("GET", path, "").fails(410, "deleted")
		u.undo(deleted).is(200) // lifts the later deletion too, as the item is deleted either way
		u.call("GET", path, "").is(200)
	})
}

func TestABatchIsTakenBackAsAWhole(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		push := func(items ...string) string {
			t.Helper()
			return u.call("POST", "/v1/sync/notes/push", `{"items":[`+strings.Join(items, ",")+`]}`).change()
		}
		uid := func(n int) string { return fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n) }
		sent := func(n, at int, members string) string {
			return fmt.Sprintf(`{"uid":"%s","updatedTs":"%d"%s}`, uid(n), at, members)
		}
		push(sent(1, 1000, `,"v":1`), sent(2, 1000, `,"v":1`))
		batch := push(sent(1, 2000, `,"v":2`), sent(3, 2000, `,"v":1`), sent(2, 2000, `,"v":1,"sync":{"isDeleted":true}`), sent(1, 3000, `,"v":3`))
		if batch != "b3" {
			t.Fatalf("the batch is %s", batch)
		}
		later := u.call("PATCH", "/v1/notes/"+uid(3), `{"v":2}`).change()
		if refused := u.undo(batch).fails(409, "undo_conflict"); !strings.Contains(string(refused.body), `"later":"`+later+`"`) {
			t.Errorf("says %s", refused.body)
		}
		if got := u.call("GET", "/v1/notes/"+uid(1), "").is(200).item(); got.Version != 3 {
			t.Errorf("half of it was undone: %+v", got)
		}
		u.call("PATCH", "/v1/notes/"+uid(3), `{"v":1}`).is(200)
		dry := u.call("POST", "/v1/undo?dryRun=true", `{"batch_id":"b3"}`).is(200)
		undone := u.undo(batch).is(200)
		if strings.Count(string(undone.body), `"undoes":"c`) != 4 || strings.Count(string(dry.body), `"undoes":"c`) != 4 || strings.Contains(string(dry.body), "change_id") {
			t.Errorf("says %s, dry %s", undone.body, dry.body)
		}
		for n, want := range map[int]string{1: "200 1", 2: "200 1", 3: "410 <nil>"} {
			got := u.call("GET", "/v1/notes/"+uid(n), "")
			if said := fmt.Sprint(got.status, got.item().Payload["v"]); said != want && !(n == 3 && got.status == 410) {
				t.Errorf("note %d: %s, want %s", n, said, want)
			}
		}
		lines := u.call("GET", "/v1/changes?since=0&kinds=note", "").lines().Changes
		if last := lines[len(lines)-1]; last.BatchID != undone.change() {
			t.Errorf("the undo is %+v", last)
		}
		u.undo(undone.change()).is(200)
		if got := u.call("GET", "/v1/notes/"+uid(1), "").is(200).item(); got.Payload["v"] != 3.0 {
			t.Errorf("redone: %+v", got)
		}
		u.call("GET", "/v1/notes/"+uid(2), "").fails(410, "deleted")
		u.call("GET", "/v1/notes/"+uid(3), "").is(200)
	})
}

func TestAnUndoOfWhatIsUnknownOrGoneIsRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		change := u.call("POST", "/v1/notes", `{}`).change()
		u.user("bob").undo(change).fails(404, "change_not_found")
		u.undo("c9").fails(404, "change_not_found")
		u.undo("b1").fails(404, "change_not_found")
		for _, body := range []string{`{}`, `{"change_id":"1"}`, `{"change_id":"b1"}`, `{"batch_id":"c1"}`, `{"change_id":"c1","batch_id":"b1"}`, `{"change_id":"c01"}`,
			`{"changeId":"c1"}`, `{"change_id":1}`, `[]`, `{"change_id":"c99999999999999999999"}`} {
			u.call("POST", "/v1/undo", body).fails(400, "invalid_json")
		}
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		u.undo("c1").fails(410, "change_not_kept")
		u.undo("c2").fails(409, "not_undoable")
	})
}

// hashOf is the hash of a line of the journal, as docs/rest-api.md describes it.
func hashOf(t *testing.T, line map[string]any) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, line["at"].(string))
	if err != nil {
		t.Fatal(err)
	}
	covered := []any{line["seq"], at.UnixMilli()}
	for _, name := range []string{"epoch", "kind", "uid", "before", "version", "batch", "revived", "change", "fields",
		"by", "client", "tool", "correlation_id", "content", "previous"} {
		covered = append(covered, line[name])
	}
	text, err := json.Marshal(covered)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

func TestTheJournalHasEveryLineWithItsHashes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice & <bob>")
		uid := u.call("POST", "/v1/notes", `{"a<b>\u2028":1}`).is(201).item().UID
		u.call("DELETE", "/v1/notes/"+uid, "").is(200)
		u.call("POST", "/v1/notes/"+uid+"/restore", "").is(200)
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		u.call("POST", "/v1/notes", `{}`, header{"X-TB-Client": {"claude"}, "X-TB-Tool": {"create_note"}}).is(201)
		var page struct {
			Lines      []map[string]any
			NextCursor string
		}
		if err := json.Unmarshal(u.call("GET", "/v1/journal", "").is(200).body, &page); err != nil || len(page.Lines) != 5 {
			t.Fatalf("%v: %+v", err, page)
		}
		before := ""
		for n, line := range page.Lines {
			if line["seq"] != float64(n+1) || line["previous"] != before || line["change"] != []string{"created", "deleted", "restored", "wiped", "created"}[n] {
				t.Errorf("line %d: %+v", n, line)
			}
			if before = line["hash"].(string); before != hashOf(t, line) {
				t.Errorf("the hash of line %d is not that of %+v", n, line)
			}
		}
		if next := u.call("GET", "/v1/journal?since="+page.NextCursor, "").is(200); !strings.Contains(string(next.body), `"lines":[]`) {
			t.Errorf("behind the last: %s", next.body)
		}
	})
}

func TestNoChangeIsSkippedByAReaderDuringWrites(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t)
		u := p.user("alice")
		const writers, each = 6, 25
		var done sync.WaitGroup
		for range writers {
			done.Go(func() {
				for range each {
					if got := u.call("POST", "/v1/notes", `{}`); got.status != 201 {
						t.Errorf("%d %s", got.status, got.body)
					}
				}
			})
		}
		seen, cursor := 0, ""
		finished := make(chan struct{})
		go func() { done.Wait(); close(finished) }()
		for last := false; ; {
			page := u.call("GET", "/v1/changes?limit=500"+cursor, "").lines()
			for _, line := range page.Changes {
				if seen++; line.ChangeID != fmt.Sprint("c", seen) {
					t.Fatalf("%s comes behind %d", line.ChangeID, seen-1)
				}
			}
			cursor = "&cursor=" + page.NextCursor
			if last && len(page.Changes) == 0 {
				break
			}
			select {
			case <-finished:
				last = true
			default:
			}
		}
		if seen != writers*each {
			t.Errorf("%d of %d were seen", seen, writers*each)
		}
	})
}

func TestABatchRestoresWhatOperationsBeforeItWrote(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		uid := u.call("POST", "/v1/notes", `{"a":1}`).is(201).item().UID
		operation := func(op, members string) string {
			return `{"op":"` + op + `","kind":"note","uid":"` + uid + `"` + members + `}`
		}
		batch := u.call("POST", "/v1/batch", `{"operations":[`+strings.Join([]string{
			operation("patch", `,"payload":{"a":2}`), operation("patch", `,"payload":{"a":3}`), operation("restore", `,"version":2`),
			operation("delete", ""), operation("restore", ""),
		}, ",")+`]}`)
		if got := u.call("GET", "/v1/notes/"+uid, "").is(200).item(); got.Version != 6 || got.Payload["a"] != 2.0 {
			t.Fatalf("%s left %+v", batch.body, got)
		}
		u.undo(batch.change()).is(200)
		if got := u.call("GET", "/v1/notes/"+uid, "").is(200).item(); got.Payload["a"] != 1.0 {
			t.Errorf("undone: %+v", got)
		}
		refused := u.call("POST", "/v1/batch", `{"operations":[`+operation("patch", `,"payload":{"a":9}`)+`,`+operation("restore", `,"version":99`)+`]}`)
		if refused.status != 410 || u.call("GET", "/v1/notes/"+uid, "").is(200).item().Payload["a"] != 1.0 {
			t.Errorf("refused with %d %s", refused.status, refused.body)
		}
	})
}

func TestALineNamesOnlyAsManyFieldsAsItCounts(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	var members []string
	for n := range 300 {
		members = append(members, fmt.Sprintf(`"%s%d":1`, strings.Repeat("ä", n), n))
	}
	made := u.call("POST", "/v1/notes", "{"+strings.Join(members, ",")+"}").is(201)
	line := u.call("GET", "/v1/changes", "").lines().Changes[0]
	if size := len(strings.Join(line.Fields, "")); size > 1000 || size < 500 || len(line.Fields) > 100 {
		t.Errorf("%d bytes in %d fields", size, len(line.Fields))
	}
	u.undo(made.change()).is(200)

	kept := "/v1/notes/" + u.has(find("note"), "").UID
	patched := u.call("PATCH", kept, "{"+strings.Join(members, ",")+"}").is(200)
	undone := u.undo(patched.change()).is(200)
	if size := len(undone.body); size > 1600 || !strings.Contains(string(undone.body), `"fields":["0"`) {
		t.Errorf("%d bytes: %s", size, undone.body)
	}
	if got := u.call("GET", kept, "").is(200).item(); len(got.Payload) != 3 {
		t.Errorf("undone: %+v", got)
	}
}
