package httpapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// written is the answer to a write with return=minimal.
type written struct {
	UID       string
	Version   int64
	UpdatedAt string
	Change    string
	Fields    []string
	ChangeID  string `json:"change_id"`
	Field     *string
	Diff      *string
	Tags      []any
}

func (a answer) written() (found written) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, &found); err != nil || a.status/100 != 2 || found.Fields == nil {
		a.t.Fatalf("%s: %d %s", a.request, a.status, a.body)
	}
	return found
}

// singleWrites is every write of one item, on an item that can be written so.
func singleWrites(u user, e *entity.Entity) (rows []singleWrite) {
	text := `"` + e.Text[0] + `":"x","tags":["a"]`
	one := func() string { return path(e) + "/" + u.has(e, text).UID }
	gone := one()
	u.call("DELETE", gone, "").is(200)
	return []singleWrite{
		{"POST", path(e), u.body(e, `"title":"T"`), "created", 201},
		{"PUT", one(), `{"title":"T"}`, "updated", 200},
		{"PATCH", one(), `{"title":"T","tags":["b"]}`, "updated", 200},
		{"DELETE", one(), "", "deleted", 200},
		{"POST", one() + "/archive", "", "archived", 200},
		{"POST", one() + "/process", `{"action":"` + e.ActionNames()[len(e.ActionNames())-1] + `"}`, "", 200},
		{"POST", one() + "/edit", `{"edits":[{"find":"x","replace":"y"}]}`, "updated", 200},
		{"POST", one() + "/tags", `{"add":["b"]}`, "updated", 200},
		{"POST", gone + "/restore", "", "restored", 200},
	}
}

type singleWrite struct {
	method, path, body, change string
	status                     int
}

func TestAMinimalAnswerSaysWhatTheJournalSays(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		for _, row := range singleWrites(u, e) {
			tried := u.call(row.method, row.path+"?return=minimal&dryRun=true", row.body).is(row.status)
			if got := tried.written(); got.ChangeID != "" {
				t.Errorf("%s: %s", tried.request, tried.body)
			}
			made := u.call(row.method, row.path+"?return=minimal", row.body).is(row.status)
			got := made.written()
			if row.change != "" && got.Change != row.change || got.ChangeID == "" || got.ChangeID != made.change() {
				t.Errorf("%s: %s", made.request, made.body)
			}
			var all struct{ Changes []written }
			u.call("GET", "/v1/changes?limit=500", "").is(200).into(&all)
			line := all.Changes[len(all.Changes)-1]
			line.UpdatedAt, line.Field, line.Diff, line.Tags = got.UpdatedAt, got.Field, got.Diff, got.Tags
			if !reflect.DeepEqual(line, got) {
				t.Errorf("%s: %s, the journal has %+v", made.request, made.body, line)
			}
			stored := u.call("GET", path(e)+"/"+got.UID+"?includeDeleted=true", "").is(200).item()
			if got.Version != stored.Version || got.UpdatedAt != stored.UpdatedAt {
				t.Errorf("%s: %s, stored %+v", made.request, made.body, stored)
			}
			edited, tagged := strings.HasSuffix(row.path, "/edit"), strings.HasSuffix(row.path, "/tags")
			if edited != (got.Field != nil && *got.Field == e.Text[0] && *got.Diff == "@@ -1 +1 @@\n-x\n+y") || tagged != (fmt.Sprint(got.Tags) == "[a b]") {
				t.Errorf("%s: %s", made.request, made.body)
			}
			if len(made.body) > 400 || strings.Contains(string(made.body), "payload") || strings.Contains(string(made.body), "changed") {
				t.Errorf("%s: %s", made.request, made.body)
			}
			if row.change != "created" && tried.written().Version != got.Version {
				t.Errorf("tried %s\nmade %s", tried.body, made.body)
			}
		}
	})
}

func TestAMinimalAnswerToAWriteThatChangesNothingSaysSo(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		stored := u.has(e, `"`+e.Text[0]+`":"x","tags":["a"],"archived":true`)
		one := path(e) + "/" + stored.UID
		for key := range e.Archive {
			u.call("PATCH", one, `{"`+key+`":`+jsonOf(e.Archive[key])+`}`).is(200)
		}
		stored = u.call("GET", one, "").is(200).item()
		for i, row := range [][3]string{
			{"PUT", "", jsonOf(stored.Payload)}, {"PATCH", "", `{"tags":["a"]}`}, {"POST", "/archive", ""}, {"POST", "/edit", `{"append":""}`},
			{"POST", "/tags", `{"add":["a"],"remove":["b"]}`}, {"POST", "/restore", `{"version":` + fmt.Sprint(stored.Version) + `}`},
		} {
			for _, key := range []header{{}, keyed(fmt.Sprint("k", i)), keyed(fmt.Sprint("k", i))} {
				got := u.call(row[0], one+row[1]+"?return=minimal", row[2], key).is(200)
				if w := got.written(); w.Change != "none" || len(w.Fields) != 0 || w.ChangeID != "" || w.Version != stored.Version || got.header.Get("X-Change-Id") != "" {
					t.Errorf("%s: %s", got.request, got.body)
				}
			}
		}
	})
}

func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestAMinimalAnswerIsRepeatedAsItWasAlsoOfALargeItem(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		var odd []string
		for i := range 90 {
			odd = append(odd, fmt.Sprintf(`"\u0001\u0002\u0003\u0004\u0005\u0006\u0007%d":1`, i))
		}
		body := `{"content":"` + strings.Repeat("x\\n", 50_000) + `",` + strings.Join(odd, ",") + `}`
		created := u.call("POST", "/v1/notes?return=minimal", body, keyed("c")).is(201)
		one := "/v1/notes/" + created.written().UID
		rows := [][3]string{
			{"PATCH", one + "?return=minimal", `{"n":1}`},
			{"POST", one + "/edit?return=minimal", `{"prepend":"` + strings.Repeat("\\u0001\\n", 500) + `"}`},
			{"POST", one + "/tags?return=minimal", `{"add":["a"]}`},
			{"DELETE", one + "?return=minimal", ""},
			{"POST", one + "/restore?return=minimal", ""},
		}
		var firsts []answer
		for i, row := range rows {
			firsts = append(firsts, u.call(row[0], row[1], row[2], keyed(fmt.Sprint("k", i))))
		}
		u.call("POST", "/v1/notes?return=minimal", body, keyed("c")).repeats(created)
		for i, row := range rows {
			u.call(row[0], row[1], row[2], keyed(fmt.Sprint("k", i))).repeats(firsts[i].is(200))
		}
	})
}

func TestAKeyIsForOneFormOfTheAnswer(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for i, form := range []string{"?return=minimal", "?mirrors=false", "?return=minimal&mirrors=false"} {
		key := keyed(fmt.Sprint("k", i))
		first := u.call("POST", "/v1/notes"+form, `{"a":1}`, key).is(201)
		u.call("POST", "/v1/notes", `{"a":1}`, key).fails(422, "idempotency_key_reused")
		u.call("POST", "/v1/notes"+form, `{"a":1}`, key).repeats(first)
	}
	first := u.call("POST", "/v1/notes", `{"a":1}`, keyed("usual")).is(201)
	u.call("POST", "/v1/notes?return=item&mirrors=true", `{"a":1}`, keyed("usual")).repeats(first)
}

func TestOnlyTheWordsOfReturnAndMirrorsAreTaken(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, e := range entity.Table {
		for _, row := range singleWrites(u, e) {
			for _, query := range []string{"return=", "return=Minimal", "return=nothing", "return=minimal&return=minimal", "mirrors=", "mirrors=no", "mirrors=false&mirrors=false"} {
				got := u.call(row.method, row.path+"?"+query, row.body).fails(400, "invalid_query")
				if name, _, _ := strings.Cut(query, "="); got.detail("field") != name {
					t.Errorf("%s: %s", got.request, got.body)
				}
			}
		}
		u.call("POST", syncPath(e, "push")+"?return=minimal", `{"items":[]}`).fails(400, "invalid_query")
		u.call("GET", path(e)+"?return=minimal", "").fails(400, "invalid_query")
		u.call("GET", path(e)+"?mirrors=0", "").fails(400, "invalid_query")
	}
	u.call("POST", "/v1/notes?return=nothing", "{}").says("invalid return: send item or minimal")
	u.call("POST", "/v1/batch?return=minimal", `{"operations":[]}`).fails(400, "invalid_query")
}

// withoutMirrors is the answer with the server's keys taken out of every payload.
func withoutMirrors(t *testing.T, body []byte) any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatal(err)
	}
	items, isPage := all["items"].([]any)
	if !isPage {
		items = []any{all}
	}
	for _, one := range items {
		shown := one.(map[string]any)
		if named, is := shown["item"].(map[string]any); is {
			shown = named
		}
		payload, _ := shown["payload"].(map[string]any)
		for _, key := range []string{"uid", "updatedTs", "sync"} {
			if _, has := payload[key]; payload != nil && !has {
				t.Errorf("no %s in %s", key, body)
			}
			delete(payload, key)
		}
	}
	return all
}

func TestPayloadsComeWithoutTheServersKeysWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		bare := func(method, path, body string) {
			t.Helper()
			query := "?"
			if strings.Contains(path, "?") {
				query = "&"
			}
			want := u.call(method, path+query+"dryRun=true", body)
			if method == "GET" {
				want = u.call(method, path, body)
			}
			got := u.call(method, path+query+"mirrors=false", body).is(want.status)
			var parsed any
			got.into(&parsed)
			if all := withoutMirrors(t, want.body); !reflect.DeepEqual(parsed, all) {
				t.Errorf("%s: %s\nwant %v", got.request, got.body, all)
			}
		}
		for _, row := range singleWrites(u, e) {
			if row.change != "created" && !strings.HasSuffix(row.path, "/edit") && !strings.HasSuffix(row.path, "/tags") && row.method != "DELETE" {
				bare(row.method, row.path, row.body)
			}
		}
		u.call("POST", syncPath(e, "push"), `{"items":[`+u.pushable(e, 1, "2026-01-01T00:00:00Z", `"sync" : {"version":3} , "z":1`)+`]}`).is(200)
		u.call("PATCH", path(e)+"/"+numbered(1), `{"\u0061":1}`).is(200)
		u.call("POST", syncPath(e, "push"), `{"items":[`+u.pushable(e, 2, "2026-01-01T00:00:00Z", `"sync" : {"version":3} , "z":1`)+`]}`).is(200)
		bare("GET", path(e)+"/"+numbered(1), "")
		bare("GET", path(e)+"/"+numbered(2), "")
		bare("GET", path(e)+"?includeDeleted=true", "")
		bare("GET", "/v1/items?ref="+string(e.Kind)+":"+numbered(1)+"&ref=nothing", "")
		created := u.call("POST", path(e)+"?mirrors=false", u.body(e, `"title":1.50`)).is(201)
		if !strings.HasSuffix(string(created.body), `"title":1.50}}`) {
			t.Errorf("%s", created.body)
		}
		one := path(e) + "/" + created.item().UID
		again := u.call("PATCH", one+"?mirrors=false", `{"title":1.50}`).is(200)
		if string(again.body) != string(created.body) {
			t.Errorf("%s", again.body)
		}
		u.call("POST", one+"/tags?mirrors=false", `{"add":["a"]}`).is(200)
		u.call("GET", path(e)+"?view=summary&mirrors=false", "").is(200)
		u.call("DELETE", one+"?mirrors=false", "").is(200)
	})
}

func TestALargeAnswerIsMadeAgainWithoutTheServersKeys(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	body := `{"title":"` + strings.Repeat("x", 5000) + `"}`
	first := u.call("POST", "/v1/notes?mirrors=false", body, keyed("k")).is(201)
	u.call("POST", "/v1/notes?mirrors=false", body, keyed("k")).repeats(first)
}
