package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/entity"
)

func TestAFilterTakesSeveralValues(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		task, note := find("task"), find("note")
		for n, members := range []string{
			`"status":"open","priority":"high","tags":["a","b"]`, `"status":"in_progress","priority":"low","tags":["b"]`,
			`"status":"done","priority":"high","tags":["a,b"]`, `"status":"open"`, `"title":"none"`,
		} {
			u.create(task, n+1, members)
		}
		u.finds(task, "status=open,in_progress", 1, 2, 4)
		u.finds(task, "status=open&status=in_progress&order=desc", 4, 2, 1)
		u.finds(task, "status=open,open,none", 1, 4)
		u.finds(task, "statusNot=open", 2, 3, 5)
		u.finds(task, "statusNot=open,done", 2, 5)
		u.finds(task, "status=open,done&statusNot=open", 3)
		u.finds(task, "priority=high", 1, 3)
		u.finds(task, "priority=high,low&status=open", 1)
		u.finds(task, "tag=a,b", 1, 2)
		u.finds(task, `tag=a%5C,b`, 3)
		u.finds(task, `tag=a%5C,b&tag=b`, 1, 2, 3)
		u.finds(task, "status=open,in_progress&limit=2&order=desc", 4, 2)
		for n, members := range []string{`"pinned":true`, `"pinned":false`, `"pinned":"true"`, `"a":1`} {
			u.create(note, n+1, members)
		}
		u.finds(note, "pinned=true", 1)
		u.finds(note, "pinned=false", 2, 3, 4)
		u.call("POST", "/v1/notes/"+numbered(4)+"/process", `{"action":"pin"}`).is(200)
		u.finds(note, "pinned=true", 1, 4)
	})
}

func TestListsAreFilteredAndSortedByDueDate(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, e := range entity.Table {
			if e.Due == "" {
				continue
			}
			for n, due := range []string{`"2026-12-04"`, `"2026-12-04T00:00:00Z"`, `"2026-12-03T23:59:59.999Z"`, `"2026-12-05"`, `null`, `"2026-12-04T01:00:00+02:00"`} {
				u.create(e, n+1, strings.Trim(u.body(e, `"status":"open","`+e.Due+`":`+due), "{}"))
			}
			u.finds(e, "dueBefore=2026-12-04", 3, 6)
			u.finds(e, "dueAfter=2026-12-04", 1, 2, 4)
			u.finds(e, "dueAfter=2026-12-04&dueBefore=2026-12-05", 1, 2)
			u.finds(e, "dueAfter=2026-12-03T23:59:59.999Z&dueBefore=2026-12-04T00:00:00Z", 3)
			u.finds(e, "sort=due", 6, 3, 1, 2, 4, 5)
			u.finds(e, "sort=due&order=desc", 4, 2, 1, 3, 6, 5)
			u.finds(e, "sort=due&status=open&dueBefore=2026-12-04", 6, 3)
			u.finds(e, "sort=due&status="+e.Closed[0])
			u.call("POST", path(e)+"/"+numbered(1)+"/archive", "").is(200)
			u.finds(e, "sort=due&status=open", 6, 3, 2, 4, 5)
			u.finds(e, "sort=due", 6, 3, 1, 2, 4, 5)
			u.finds(e, "sort=due&statusNot="+strings.Join(e.Closed, ","), 6, 3, 2, 4, 5)
			u.call("DELETE", path(e)+"/"+numbered(6), "").is(200)
			u.finds(e, "sort=due&dueBefore=2026-12-04", 3)
		}
	})
}

func TestListsAreSortedByTitleAndCreation(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, e := range entity.Table {
			keys := strings.TrimPrefix(strings.Trim(u.body(e, ""), "{}")+",", ",")
			for n, title := range []string{"beta", "Alpha", "äther", "alpha", ""} {
				key := e.Title
				if key == "" {
					key = e.Text[0]
				}
				u.create(e, n+1, keys+`"`+key+`":"`+title+`"`)
				u.clock.advance(time.Millisecond)
			}
			u.call("PATCH", path(e)+"/"+numbered(1), `{"a":1}`).is(200)
			u.finds(e, "sort=title", 5, 2, 4, 1, 3)
			u.finds(e, "sort=title&order=desc", 3, 1, 4, 2, 5)
			u.finds(e, "sort=created", 1, 2, 3, 4, 5)
			u.finds(e, "sort=created&order=desc", 5, 4, 3, 2, 1)
			u.finds(e, "sort=updated", 2, 3, 4, 5, 1)
			u.call("DELETE", path(e)+"/"+numbered(3), "").is(200)
			u.finds(e, "sort=title", 5, 2, 4, 1)
		}
	})
}

func TestATotalIsCountedUpToAPoint(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		note := find("note")
		total := func(query string) string {
			t.Helper()
			found := u.call("GET", "/v1/notes?total=true&limit=1&"+query, "").is(200).json()
			return fmt.Sprint(found["total"], " ", found["more"])
		}
		if got := total(""); got != "0 <nil>" {
			t.Errorf("of none: %s", got)
		}
		for n, tags := range []string{`["a","b"]`, `["b"]`, `["a"]`, `[]`} {
			u.create(note, 20_000+n, `"tags":`+tags)
		}
		if got := total("tag=a,b"); got != "3 <nil>" {
			t.Errorf("of several tags: %s", got)
		}
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		for from := 0; from < 10_001; from += 100 {
			var items []string
			for n := from; n < min(from+100, 10_001); n++ {
				items = append(items, fmt.Sprintf(`{"uid":%q,"updatedTs":"1000","status":"s%d"}`, numbered(n), n%2))
			}
			u.push(note, items...)
		}
		for query, want := range map[string]string{
			"": "10000 true", "status=s1": "5000 <nil>", "status=s0,s1": "10000 true", "status=none": "0 <nil>",
			"sort=title": "10000 true", "statusNot=s0&view=summary": "5000 <nil>",
		} {
			if got := total(query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		u.call("DELETE", "/v1/notes/"+numbered(7), "").is(200)
		if got := total(""); got != "10000 <nil>" {
			t.Errorf("of ten thousand: %s", got)
		}
	})
}

func TestASummaryHasOnlyWhatTheItemHas(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, e := range entity.Table {
			parent := ""
			if e.Parent != nil {
				parent = u.has(find(e.Parent.Kinds[0]), `"title":"The <parent>"`).UID
			}
			body := func(members string) string {
				if e.Parent == nil {
					return "{" + members + "}"
				}
				return "{" + namedParent(e, e.Parent.Kinds[0], parent) + members + "}"
			}
			bare := u.call("POST", path(e), body("")).is(201)
			whole := u.call("POST", path(e), body(strings.TrimPrefix(`,"title":"Ä \n title","content":"One\n\ntwo","description":"One\n\ntwo","status":"open","priority":"high",`+
				`"dueDate":"2026-12-04","tags":["b","a"]`, map[bool]string{true: ","}[e.Parent == nil]))).is(201)
			list := u.call("GET", path(e)+"?view=summary", "").is(200)
			var page struct{ Items []map[string]any }
			if err := json.Unmarshal(list.body, &page); err != nil || len(page.Items) < 2 {
				t.Fatalf("%v: %s", err, list.body)
			}
			page.Items = page.Items[len(page.Items)-2:]
			for n, created := range []answer{bare, whole} {
				made := created.item()
				want := map[string]any{
					"uid": made.UID, "kind": string(e.Kind), "version": 1.0, "createdAt": made.UpdatedAt, "updatedAt": made.UpdatedAt,
					"bytes": float64(len(object(t, created))),
				}
				if e.Parent != nil {
					want["parent"] = map[string]any{"kind": string(e.Parent.Kinds[0]), "uid": parent, "title": "The <parent>"}
				}
				if n == 1 {
					maps.Copy(want, map[string]any{"title": "Ä title", "preview": "One two", "status": "open", "tags": []any{"a", "b"}})
					if e.Title == "" {
						maps.Copy(want, map[string]any{"title": "One", "preview": "two"})
					}
					if e.Due != "" {
						want["dueDate"] = "2026-12-04"
					}
					for _, f := range e.Filters {
						if f.Key == "priority" {
							want["priority"] = "high"
						}
					}
				}
				if fmt.Sprint(page.Items[n]) != fmt.Sprint(want) {
					t.Errorf("%s: %v\nwant %v", e.Kind, page.Items[n], want)
				}
			}
			if full := u.call("GET", path(e)+"?view=full", "").is(200); string(full.body) != string(u.call("GET", path(e), "").body) {
				t.Errorf("%s: view=full is not the usual view", e.Kind)
			}
		}
	})
}

func TestASummaryOfATombstoneSaysSo(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	note := u.has(find("note"), `"title":"gone"`)
	comment := u.call("POST", "/v1/comments", `{"parentType":"note","parentUid":"`+note.UID+`","content":"x"}`).is(201).item()
	u.call("DELETE", "/v1/notes/"+note.UID, "").is(200)
	if got := string(u.call("GET", "/v1/notes?view=summary", "").body); got != `{"items":[]}` {
		t.Errorf("a tombstone is listed: %s", got)
	}
	if got := string(u.call("GET", "/v1/notes?view=summary&includeDeleted=true", "").body); !strings.Contains(got, `"deletedAt":"`) {
		t.Errorf("not marked: %s", got)
	}
	list := string(u.call("GET", "/v1/comments?view=summary", "").body)
	if !strings.Contains(list, comment.UID) || strings.Contains(list, "gone") || !strings.Contains(list, `"parent":{"kind":"note","uid":"`+note.UID+`"}`) {
		t.Errorf("listed as %s", list)
	}
}

func TestACursorBelongsToItsSort(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	task := find("task")
	for n := range 5 {
		u.create(task, n, `"title":"a|ä`+fmt.Sprint(n)+`","dueDate":"2026-12-0`+fmt.Sprint(n+1)+`"`)
	}
	queries := []string{"sort=title", "sort=due", "sort=due&order=desc", "sort=created", "dueBefore=2027-01-01", "dueAfter=2026-01-01", "priority=x", "statusNot=x", "statusNot=x,y"}
	for _, query := range queries {
		if strings.Contains(query, "priority") {
			continue
		}
		first := u.call("GET", "/v1/tasks?limit=2&"+query, "").is(200).page()
		if len(first.Items) != 2 || first.NextCursor == nil {
			t.Fatalf("%s: %+v", query, first)
		}
		for _, other := range append(slices.Clone(queries), "", "view=summary&"+query, "total=true&"+query) {
			got := u.call("GET", "/v1/tasks?"+other+"&cursor="+url.QueryEscape(*first.NextCursor), "")
			if !strings.HasSuffix(other, query) || other == "" || len(other) > len(query) && other[len(other)-len(query)-1] != '&' {
				got.fails(400, "invalid_cursor")
			} else if rest := got.is(200).json()["items"].([]any); len(rest) != 3 {
				t.Errorf("%s: the rest is %v", query, rest)
			}
		}
	}
}
