package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

func client(name string) header { return set("X-TB-Client", name) }

// undoAnswer is the answer to an undo.
type undoAnswer struct {
	Undone, Unchanged []undoneItem
	BatchID           string `json:"batch_id"`
}

type undoneItem struct {
	Kind, UID, Title, Undoes, Change, At string
	Version                              int64
	Fields                               []string
	ChangeID                             string `json:"change_id"`
}

func (u user) undoLast(client header) answer {
	u.t.Helper()
	return u.call("POST", "/v1/undo", `{"last":true}`, client)
}

func (a answer) undone() (found undoAnswer) {
	a.t.Helper()
	a.is(200).into(&found)
	return found
}

func TestTheCallersLastWriteIsTakenBackAndNeverMore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		one := "/v1/notes/" + u.call("POST", "/v1/notes", `{"title":"Milk","n":1}`, client("claude/1.0")).is(201).item().UID
		u.call("PATCH", one, `{"n":2}`, client("claude/1.0")).is(200)
		last := u.call("PATCH", one, `{"n":3}`, client("claude/1.1")).change()
		at := u.call("GET", one, "").item().UpdatedAt
		u.call("PATCH", one, `{"other":1}`, client("codex/1.0")).is(200)
		u.call("PATCH", one, `{"more":1}`).is(200)
		tried := u.call("POST", "/v1/undo?dryRun=true", `{"last":true}`, client("claude/2.0")).undone()
		got := u.undoLast(client("claude/2.0")).undone()
		want := undoneItem{Kind: "note", UID: one[len("/v1/notes/"):], Title: "Milk", Undoes: last, Change: "updated", At: at, Version: 6, Fields: []string{"n"}, ChangeID: "c6"}
		if fmt.Sprint(got) != fmt.Sprint(undoAnswer{Undone: []undoneItem{want}, BatchID: "b6"}) {
			t.Errorf("%+v", got)
		}
		want.ChangeID = ""
		if fmt.Sprint(tried) != fmt.Sprint(undoAnswer{Undone: []undoneItem{want}}) {
			t.Errorf("tried %+v", tried)
		}
		for range 3 {
			again := u.undoLast(client("claude/2.0"))
			if got := again.undone(); len(got.Undone) != 0 || len(got.Unchanged) != 1 || got.Unchanged[0].Undoes != last || got.Unchanged[0].Change != "updated" ||
				fmt.Sprint(got.Unchanged[0].Fields) != "[n]" || again.header.Get("X-Change-Id") != "" {
				t.Errorf("again: %s", again.body)
			}
		}
		if got := u.call("GET", one, "").item(); got.Version != 6 || got.Payload["n"] != 2.0 || got.Payload["more"] != 1.0 {
			t.Errorf("%+v", got)
		}
		if history := u.call("GET", one+"/history", "").lines().History; history[0].Tool != "undo "+last || history[1].Tool != "" {
			t.Errorf("%+v", history[:2])
		}
		u.undoLast(header{}).undone()
		if got := u.call("GET", one, "").item(); got.Payload["more"] != nil || got.Payload["other"] != 1.0 {
			t.Errorf("%+v", got)
		}
		u.undo("b6").is(200)
		if again := u.undoLast(client("claude/2.0")).undone(); len(again.Undone) != 1 || again.Undone[0].Undoes != last {
			t.Errorf("once it was redone: %+v", again)
		}
	})
}

func TestTheLastWriteMayBeABatchADeletionOrACreation(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		task := u.has(find("task"), `"title":"T"`).UID
		u.batch(`{"op":"create","kind":"note","payload":{"title":"N"}},{"op":"process","kind":"task","uid":"`+task+`","action":"complete"}`, client("a/1")).is(200)
		got := u.undoLast(client("a/1")).undone()
		if len(got.Undone) != 2 || got.Undone[0].Kind != "task" || got.Undone[1].Change != "created" || got.Undone[1].Title != "N" {
			t.Errorf("%+v", got)
		}
		if again := u.undoLast(client("a/1")).undone(); len(again.Unchanged) != 2 {
			t.Errorf("%+v", again)
		}
		u.call("DELETE", "/v1/tasks/"+task, "", client("a/1")).is(200)
		if got := u.undoLast(client("a/1")).undone(); len(got.Undone) != 1 || got.Undone[0].Change != "deleted" || len(got.Undone[0].Fields) != 0 {
			t.Errorf("%+v", got)
		}
		u.call("PATCH", "/v1/tasks/"+task, `{"n":1}`, client("a/1")).is(200)
		u.call("PATCH", "/v1/tasks/"+task, `{"n":2}`, client("b/1")).is(200)
		u.undoLast(client("a/1")).fails(409, "undo_conflict")
	})
}

func TestWithoutAnOwnWriteThereIsNothingToTakeBack(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		nothing := func(with header, words string) {
			t.Helper()
			got := u.undoLast(with).fails(404, "change_not_found")
			if sentence := got.json()["error"].(string); !strings.Contains(sentence, words) {
				t.Errorf("%q", sentence)
			}
		}
		nothing(client("a/1"), `the newest 1000 changes of your journal is a write of yours with the client "a"; `)
		u.call("POST", "/v1/notes", `{}`, client("a/b/1")).is(201)
		u.call("POST", "/v1/notes", `{}`, client("a")).is(201)
		u.call("POST", "/v1/notes", `{}`, client("ab/1")).is(201)
		u.call("POST", "/v1/notes", `{}`, client("A/1")).is(201)
		u.call("POST", "/v1/notes", `{}`, client("a_/1")).is(201)
		u.process.user("bob").call("POST", "/v1/notes", `{}`, client("a/1")).is(201)
		nothing(client("a/1"), `"a"`)
		nothing(header{}, "without a client's name")
		u.call("POST", "/v1/notes", `{}`, client("a/1"), set("X-TB-Tool", "undo")).is(201)
		if got := u.undoLast(client("a/2")).undone(); len(got.Undone) != 1 {
			t.Errorf("%+v", got)
		}
		u.call("POST", "/v1/notes", `{}`, client("a/1")).is(201)
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`, client("a/1")).is(200)
		nothing(client("a/1"), `"a"`)
	})
}

func TestTheLastWriteIsLookedForAmongTheNewestThousandLines(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(a *httpapi.API) { a.Items.MaxPushItems = 2000 }).user("alice")
		u.call("POST", "/v1/notes", `{}`, client("a/1")).is(201)
		var items []string
		for i := range item.MaxLooked - 1 {
			items = append(items, `{"uid":"`+numbered(i)+`"}`)
		}
		push := func(items ...string) {
			u.call("POST", "/v1/sync/tasks/push", `{"items":[`+strings.Join(items, ",")+`]}`).is(200)
		}
		push(items...)
		if got := u.call("POST", "/v1/undo?dryRun=true", `{"last":true}`, client("a/1")).undone(); len(got.Undone) != 1 {
			t.Errorf("%+v", got)
		}
		push(`{"uid":"` + someUID + `"}`)
		u.undoLast(client("a/1")).fails(404, "change_not_found")
	})
}

func TestAnUndoNamesOneChange(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for body, sentence := range map[string]string{
		`{}`:                            "invalid JSON: send one of change_id, batch_id and last",
		`{"last":null}`:                 "invalid JSON: send one of change_id, batch_id and last",
		`{"last":true,"change_id":"c"}`: "invalid JSON: send one of change_id, batch_id and last",
		`{"last":false}`:                "invalid JSON: last must be true; leave it out to name a change",
		`{"last":"true"}`:               "invalid JSON: last must be true; leave it out to name a change",
		`{"newest":true}`:               `invalid JSON: unknown member "newest"; there is change_id, batch_id or last`,
	} {
		u.call("POST", "/v1/undo", body).fails(400, "invalid_json").says(sentence)
	}
	u.has(find("note"), "")
	u.call("POST", "/v1/undo", `{"last":true,"change_id":null}`).is(200)
}
