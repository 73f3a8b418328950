package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// foundJSON is what a search shows of an item.
type foundJSON struct {
	UID, Kind, Title, Snippet, Preview string
	Version                            int64
	Payload                            map[string]any
}

type results struct {
	Items      []foundJSON
	NextCursor string
}

// search searches, with parameters behind the query.
func (u user) search(q string, more ...string) (found results) {
	u.t.Helper()
	got := u.call("GET", "/v1/search?"+strings.Join(append(more, "q="+url.QueryEscape(q)), "&"), "").is(200)
	if err := json.Unmarshal(got.body, &found); err != nil {
		u.t.Fatal(err)
	}
	return found
}

func (u user) titles(q string, more ...string) string {
	u.t.Helper()
	var titles []string
	for _, found := range u.search(q, more...).Items {
		titles = append(titles, found.Title)
	}
	return strings.Join(titles, ",")
}

// add stores an item, and returns its uid.
func (u user) add(segment string, payload map[string]any) string {
	u.t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		u.t.Fatal(err)
	}
	return u.call("POST", "/v1/"+segment, string(text)).is(201).item().UID
}

func (u user) note(title, content string) string {
	u.t.Helper()
	return u.add("notes", map[string]any{"title": title, "content": content})
}

func segmentOf(kind string) *entity.Entity {
	at := slices.IndexFunc(entity.Table, func(e *entity.Entity) bool { return string(e.Kind) == kind })
	return entity.Table[at]
}

func TestQueriesInManyLanguagesFindTheRightDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/search.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Documents []struct{ Name, Kind, Title, Text string }
		Queries   []struct{ Q, First string }
	}
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	onEachStore(t, func(t *testing.T, start starter) {
		u, names := start(t).user("alice"), map[string]string{"": ""}
		for _, d := range data.Documents {
			payload := map[string]any{"title": d.Title}
			if e := segmentOf(d.Kind); len(e.Text) > 0 {
				payload[e.Text[0]] = d.Text
			}
			names[u.add(segmentOf(d.Kind).Segment, payload)] = d.Name
		}
		for _, query := range data.Queries {
			first := ""
			if found := u.search(query.Q).Items; len(found) > 0 {
				first = found[0].UID
			}
			if names[first] != query.First {
				t.Errorf("%s: %q, want %q", query.Q, names[first], query.First)
			}
		}
	})
}

func TestTheBestMatchComesFirstAndTheNewestOfEqualOnes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.note("some text", "a fox")
		u.note("all text", "a fox that is red")
		u.note("red title", "a fox")
		u.note("red fox", "")
		u.note("red", "nothing else")
		first := u.note("fox red", "")
		u.note("another fox, red", "")
		if got, want := u.titles("red fox "), "another fox, red,fox red,red fox,red title,all text,red,some text"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		u.call("PATCH", "/v1/notes/"+first, `{"content":"new"}`).is(200)
		if got := u.titles("red fox", "limit=1"); got != "fox red" {
			t.Errorf("whose text changed last: %s", got)
		}
		u.call("POST", "/v1/notes/"+u.search(`"red fox"`).Items[0].UID+"/process", `{"action":"pin"}`).is(200)
		if got := u.titles("red fox", "limit=1"); got != "fox red" {
			t.Errorf("an action changes no text: %s", got)
		}
	})
}

func TestASearchHasPages(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for n := range 25 {
			switch n % 3 {
			case 0:
				u.note(fmt.Sprintf("fox %d", n), "")
			case 1:
				u.note(fmt.Sprint(n), "a fox, red")
			default:
				u.note(fmt.Sprint(n), "red")
			}
		}
		whole := u.titles("red fox", "limit=50")
		if got := len(u.search("red fox").Items); got != 10 || strings.Count(whole, ",") != 24 {
			t.Fatalf("%d of %s", got, whole)
		}
		for _, limit := range []string{"limit=1", "limit=7"} {
			var pieces []string
			for more := []string{limit}; ; {
				page := u.search("red fox", more...)
				for _, found := range page.Items {
					pieces = append(pieces, found.Title)
				}
				if page.NextCursor == "" {
					break
				}
				more = []string{limit, "cursor=" + page.NextCursor}
			}
			if got := strings.Join(pieces, ","); got != whole {
				t.Errorf("%s: %s, want %s", limit, got, whole)
			}
		}
		next := u.search("red fox").NextCursor
		u.call("GET", "/v1/search?q=fox&cursor="+next, "").fails(400, "invalid_cursor")
		u.call("GET", "/v1/search?q=red+fox&kinds=note&cursor="+next, "").fails(400, "invalid_cursor")
		u.call("GET", "/v1/search?q=red+fox&cursor=x"+next, "").fails(400, "invalid_cursor")
	})
}

func TestASearchIsFiltered(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		note := u.add("notes", map[string]any{"title": "fox note", "tags": []string{"red"}, "pinned": true})
		u.add("tasks", map[string]any{"title": "fox task", "status": "open", "priority": "high", "dueDate": "2026-12-04"})
		u.add("tasks", map[string]any{"title": "fox done", "status": "completed", "priority": "low"})
		u.add("comments", map[string]any{"content": "fox comment", "parentType": "note", "parentUid": note})
		for query, want := range map[string]string{
			"":                                    "fox comment,fox done,fox task,fox note",
			"kinds=note":                          "fox note",
			"kinds=task,note":                     "fox done,fox task,fox note",
			"kinds=task,comment":                  "fox comment,fox done,fox task",
			"tag=red":                             "fox note",
			"pinned=true":                         "fox note",
			"status=open":                         "fox task",
			"status=open,completed&priority=high": "fox task",
			"statusNot=open&kinds=task":           "fox done",
			"dueBefore=2026-12-05":                "fox task",
			"dueBefore=2026-12-04":                "",
			"parentUid=" + note:                   "fox comment",
			"updatedSince=2026-11-21":             "",
		} {
			// A comment has no title of its own: the first line of its text is shown, and found as text.
			got := strings.Split(u.titles("fox", strings.Split(query, "&")...), ",")
			slices.Sort(got)
			names := strings.Split(want, ",")
			slices.Sort(names)
			if !slices.Equal(got, names) {
				t.Errorf("%s: %v, want %v", query, got, names)
			}
		}
		for query, code := range map[string]string{
			"q=fox&kinds=cat": "invalid_filter", "q=fox&kinds=": "invalid_filter", "q=fox&kinds=note&priority=high": "invalid_filter",
			"q=fox&pinned=true&priority=high": "invalid_filter", "q=fox&nonsense=1": "invalid_query", "q=fox&includeDeleted=true": "invalid_query",
			"q=fox&limit=0": "invalid_limit", "": "invalid_search", "q=a&q=b": "invalid_search", "q=fox&cursor=": "invalid_cursor",
			"q=" + strings.Repeat("x", 1001): "invalid_search", "q=" + strings.Repeat("x+", 33): "invalid_search", "q=fox&updatedSince=x": "invalid_filter",
		} {
			u.call("GET", "/v1/search?"+query, "").fails(400, code)
		}
	})
}

func TestAFoundItemIsASummaryWithASnippet(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		text := strings.Repeat("Many words stand here. ", 100) + "Then a \"fox\"\n\tcomes." + strings.Repeat(" And goes.", 100)
		u.note("Long", text)
		u.note("Huge", "A fox at first. "+strings.Repeat("\\u0041 \n", 100_000)+" the zebra at last")
		long, huge := u.search("fox", "kinds=note").Items[1], u.search("zebra").Items
		if !strings.Contains(long.Snippet, `Then a "fox" comes. And goes.`) || !strings.HasPrefix(long.Snippet, "…") || len(long.Snippet) > 200 {
			t.Errorf("snippet %q", long.Snippet)
		}
		if long.Kind != "note" || long.Title != "Long" || long.Version != 1 || long.Payload != nil {
			t.Errorf("%+v", long)
		}
		if len(huge) != 1 || !strings.HasPrefix(huge[0].Snippet, "A fox at first.") {
			t.Errorf("%+v", huge)
		}
	})
}

func TestWhatIsWrittenIsFoundByTheNextRequest(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		found := func(word string) int { return len(u.search(word).Items) }
		it := u.has(e, `"extra":["zebra",{"inner":"giraffe"}]`)
		if found("zebra") != 1 || found("giraffe") != 1 {
			t.Error("what was created is not found")
		}
		u.call("PATCH", path(e)+"/"+it.UID, `{"extra":"okapi"}`).is(200)
		if found("zebra") != 0 || found("okapi") != 1 {
			t.Error("what was changed is found as it was")
		}
		u.call("DELETE", path(e)+"/"+it.UID, "").is(200)
		if found("okapi") != 0 || len(u.search("-nothing", "kinds="+string(e.Kind)).Items) != 0 {
			t.Error("a tombstone is found")
		}
	})
}

// Every owner has the same words, so that nothing but the owner keeps them apart.
func TestNobodyFindsAnItemOfAnotherOwner(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		process := start(t)
		random := rand.New(rand.NewPCG(1, 2))
		words := []string{"red", "fox", "dog", "京都", "東京", "l'eau", "2026-11-20"}
		some := func() string {
			return words[random.IntN(len(words))] + " " + words[random.IntN(len(words))]
		}
		owners := map[string]string{}
		var users []user
		for n := range 5 {
			users = append(users, process.user(fmt.Sprintf("user%d", n)))
		}
		for range 100 {
			u := users[random.IntN(len(users))]
			owners[u.note(some(), some())] = u.sub
		}
		for range 200 {
			u, q := users[random.IntN(len(users))], some()
			if random.IntN(3) == 0 {
				q = "-nothing"
			}
			for _, found := range u.search(q, "limit=50").Items {
				if owners[found.UID] != u.sub {
					t.Errorf("%s found an item of %s", u.sub, owners[found.UID])
				}
			}
		}
	})
}

// Completions of clients ask so.
func TestTheBeginningOfATitleFindsItFirst(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.note("Groceries for Friday", "")
		u.note("Gross margin", "")
		u.note("Crème brûlée", "")
		u.note("Other", "gross and groceries")
		u.add("tasks", map[string]any{"title": "Groceries"})
		for q, want := range map[string]string{
			"g": "Gross margin,Groceries for Friday,Other", "Gro": "Gross margin,Groceries for Friday,Other", "groceries f": "Groceries for Friday",
			"groc": "Groceries for Friday,Other", "creme b": "Crème brûlée", "Groceries for Fri": "Groceries for Friday",
		} {
			if got := u.titles(q, "kinds=note"); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", q, got, want)
			}
		}
	})
}

func TestAnyTextIsAQuery(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.note("fox", "text")
		for _, q := range []string{
			`"`, `""`, `"fox`, `-`, `-"`, `--`, `*`, `fox*`, `^fox`, `title:fox`, `{title}:fox`, `fox AND`, `OR`, `NOT NOT`, `NEAR(fox)`, `(`, `((fox`,
			`fox & !x`, `fox <-> x`, `'`, `''''`, `\`, `fox:*A`, "fox\x00", "\xff", "$1", "?", "%", "fox;--", strings.Repeat("-x ", 32), strings.Repeat("京", 333),
		} {
			u.search(q)
		}
	})
}
