package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/entity"
)

// finds checks which of the numbered items a list has.
func (u user) finds(e *entity.Entity, query string, want ...int) {
	u.t.Helper()
	names := make([]string, len(want))
	for i, n := range want {
		names[i] = numbered(n)
	}
	if got := uids(u.call("GET", path(e)+"?"+query, "").is(200).page().Items); !slices.Equal(got, names) {
		u.t.Errorf("%s?%s: %v, want %v", e.Segment, query, got, names)
	}
}

// create stores the numbered item with the members of a payload.
func (u user) create(e *entity.Entity, n int, members string) {
	u.t.Helper()
	u.call("POST", path(e), "{"+members+`,"uid":"`+numbered(n)+`"}`).is(201)
}

func TestChildrenAreListedByTheirParent(t *testing.T) {
	t.Parallel()
	for _, e := range entity.Table {
		if e.Parent == nil {
			continue
		}
		u := start(t).user("alice")
		n := 0
		for _, kind := range e.Parent.Kinds {
			for range 2 {
				parent := u.has(find(kind), "").UID
				u.create(e, n, namedParent(e, kind, parent))
				u.create(e, n+1, namedParent(e, kind, strings.ToUpper(parent)))
				query := e.Parent.UIDKey + "=" + parent
				if e.Parent.TypeKey != "" {
					query += "&" + e.Parent.TypeKey + "=" + string(kind)
				}
				u.finds(e, query, n, n+1)
				u.finds(e, e.Parent.UIDKey+"="+parent, n, n+1)
				u.finds(e, strings.Replace(query, parent, strings.ToUpper(parent), 1)+"&order=desc", n+1, n)
				u.call("DELETE", path(e)+"/"+numbered(n), "").is(200)
				u.finds(e, query, n+1)
				u.finds(e, query+"&includeDeleted=true", n+1, n)
				n += 2
			}
		}
	}
}

func TestAChildThatMovesIsListedUnderItsNewParent(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("comment")
	from, to := u.has(find("note"), "").UID, u.has(find("task"), "").UID
	u.create(e, 1, namedParent(e, "note", from))
	u.call("PATCH", path(e)+"/"+numbered(1), "{"+namedParent(e, "task", to)+"}").is(200)
	u.finds(e, "parentType=note&parentUid="+from)
	u.finds(e, "parentType=task&parentUid="+from)
	u.finds(e, "parentType=task&parentUid="+to, 1)
}

func TestListsAreFilteredByWhatThePayloadSays(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		keys := strings.TrimPrefix(strings.Trim(u.body(e, ""), "{}")+",", ",")
		u.create(e, 1, keys+`"tags":["red","blue","red",5,""],"status":"open"`)
		u.create(e, 2, keys+`"tags":"red","status":5`)
		u.create(e, 3, keys+`"tags":["blue"]`)
		u.call("POST", path(e)+"/"+numbered(2)+"/archive", "").is(200)
		u.finds(e, "tag=red", 1)
		u.finds(e, "tag=blue&order=desc", 3, 1)
		u.finds(e, "tag=green")
		u.finds(e, "archived=true", 2)
		u.finds(e, "archived=false", 1, 3)
		u.finds(e, "archived=false&tag=blue&limit=1", 1)
		u.finds(e, "order=asc", 1, 3, 2)
		if len(e.States()) > 0 {
			u.finds(e, "status=open", 1)
			u.finds(e, "status=open&archived=true")
		}
		u.call("PATCH", path(e)+"/"+numbered(1), `{"tags":["green"]}`).is(200)
		u.finds(e, "tag=red")
		u.finds(e, "tag=green", 1)
		u.push(e, `{`+keys+`"uid":"`+numbered(3)+`","updatedTs":"2099-01-01T00:00:00Z","tags":["green"]}`)
		u.finds(e, "tag=green", 1, 3)
	})
}

func TestAListCanBeginAtATime(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("note")
	begin := u.clock.Now()
	for n := range 4 {
		u.create(e, n, `"n":1`)
		u.clock.advance(time.Second)
	}
	second := begin.Add(2 * time.Second)
	for _, since := range []string{second.Format("2006-01-02T15:04:05.999Z"), fmt.Sprint(second.UnixMilli())} {
		u.finds(e, "updatedSince="+since, 2, 3)
		u.finds(e, "updatedSince="+since+"&order=desc", 3, 2)
	}
	for _, zone := range []struct {
		name    string
		seconds int
	}{{"", 0}, {"z", 0}, {"%2B0200", 7200}, {"%2B02", 7200}, {"+02:00", 7200}, {"-05:30", -19800}} {
		local := second.Add(time.Duration(zone.seconds) * time.Second)
		u.finds(e, "updatedSince="+local.Format("2006-01-02t15:04:05.999999")+zone.name, 2, 3)
	}
	u.finds(e, "updatedSince="+begin.Format("2006-01-02"), 0, 1, 2, 3)
	u.finds(e, "updatedSince="+begin.Add(24*time.Hour).Format("2006-01-02"))
	u.finds(e, fmt.Sprint("updatedSince=", second.UnixMilli()+1), 3)
	u.finds(e, "updatedSince=2099-01-01T00:00:00Z")
	u.push(e, u.pushable(e, 9, "1000", ""))
	u.finds(e, fmt.Sprint("updatedSince=", begin.Add(4*time.Second).UnixMilli()), 9)
}

func TestAWrongFilterIsRefusedByName(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, row := range []struct{ segment, query, field string }{
		{"notes", "chatUid=" + someUID, "chatUid"},
		{"notes", "parentUid=" + someUID, "parentUid"},
		{"tasks", "parentType=note", "parentType"},
		{"comments", "chatUid=" + someUID, "chatUid"},
		{"chat_messages", "parentUid=" + someUID, "parentUid"},
		{"chat_messages", "status=open", "status"},
		{"comments", "parentType=note", "parentUid"},
		{"comments", "parentType=chat&parentUid=" + someUID, "parentType"},
		{"comments", "parentType=note&parentUid=x", "parentUid"},
		{"comments", "parentType=note&parentType=note&parentUid=" + someUID, "parentType"},
		{"comments", "parentType=note&parentUid=" + someUID + "&parentUid=" + someUID, "parentUid"},
		{"chat_messages", "chatUid=", "chatUid"},
		{"notes", "status=", "status"},
		{"notes", "status=a,,b", "status"},
		{"notes", "status=" + strings.Repeat("a,", 20) + "b", "status"},
		{"notes", "statusNot=", "statusNot"},
		{"notes", "tag=a%00%5C%2Cb", "tag"},
		{"notes", "pinned=yes", "pinned"},
		{"notes", "pinned=true&pinned=true", "pinned"},
		{"notes", "read=true", "read"},
		{"notes", "priority=high", "priority"},
		{"notes", "dueBefore=2026-01-01", "dueBefore"},
		{"notes", "sort=due", "sort"},
		{"tasks", "sort=priority", "sort"},
		{"tasks", "sort=due&sort=due", "sort"},
		{"tasks", "sort=due&includeDeleted=true", "includeDeleted"},
		{"tasks", "view=short", "view"},
		{"tasks", "dueBefore=tomorrow", "dueBefore"},
		{"tasks", "dueAfter=2026-02-30", "dueAfter"},
		{"tasks", "dueAfter=1763600000123", "dueAfter"},
		{"notes", "status=%00", "status"},
		{"notes", "tag=%ff", "tag"},
		{"notes", "tag=" + strings.Repeat("x", 201), "tag"},
		{"notes", "archived=1", "archived"},
		{"notes", "archived=", "archived"},
		{"notes", "order=up", "order"},
		{"notes", "order=asc&order=asc", "order"},
		{"notes", "updatedSince=yesterday", "updatedSince"},
		{"notes", "updatedSince=", "updatedSince"},
		{"notes", "updatedSince=2026-13-45", "updatedSince"},
		{"tasks", "updatedSince=2026-01-01T00:00:00%2B2", "updatedSince"},
		{"comments", "updatedSince=2026-01-01T24:00:00Z", "updatedSince"},
	} {
		got := u.call("GET", "/v1/"+row.segment+"?"+row.query, "").fails(400, "invalid_filter")
		if got.detail("field") != row.field || !strings.HasPrefix(got.json()["error"].(string), "invalid "+row.field+": ") {
			t.Errorf("%s?%s: %s", row.segment, row.query, got.body)
		}
	}
	u.call("GET", "/v1/sync/notes/pull?chatUid=x&order=x", "").is(200)
}

func TestACursorBelongsToItsFiltersAndOrder(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	note, task := find("note"), find("task")
	for n := range 5 {
		u.create(note, n, `"status":"open","tags":["a","b"]`)
		u.create(task, n, `"status":"open"`)
	}
	queries := []string{"", "order=desc", "status=open", "status=open&order=desc", "tag=a", "tag=b", "archived=false", "updatedSince=0", "updatedSince=1"}
	for _, query := range queries {
		first := u.call("GET", "/v1/notes?limit=2&"+query, "").is(200).page()
		if len(first.Items) != 2 || first.NextCursor == nil {
			t.Fatalf("%s: %+v", query, first)
		}
		for _, other := range queries {
			got := u.call("GET", "/v1/notes?"+other+"&cursor="+*first.NextCursor, "")
			if other != query {
				got.fails(400, "invalid_cursor")
				continue
			}
			if rest := got.is(200).page(); len(rest.Items) != 3 || rest.NextCursor != nil {
				t.Errorf("%s: the rest is %v", query, uids(rest.Items))
			}
		}
		if query != "" {
			u.call("GET", "/v1/tasks?"+query+"&cursor="+*first.NextCursor, "").fails(400, "invalid_cursor")
		}
		plain, err := base64.RawURLEncoding.DecodeString(*first.NextCursor)
		if err != nil || (strings.Count(string(plain), "|") == 1) != (query == "") {
			t.Errorf("%s: cursor %s, %v", query, plain, err)
		}
	}
	u.finds(note, "order=asc&limit=1", 0)
}
