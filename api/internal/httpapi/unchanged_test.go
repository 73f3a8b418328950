package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

func TestAWriteThatChangesNothingLeavesTheItemAsItIs(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		const members = `"a":{"x":[1,{"y":null}],"z":"\u00e9"},"n":1.10,"t":"text"`
		created := u.has(e, members)
		one := path(e) + "/" + created.UID
		parent := ""
		if e.Parent != nil {
			parent = `,"` + e.Parent.UIDKey + `":"` + strings.ToUpper(created.Payload[e.Parent.UIDKey].(string)) + `"`
		}
		action := `{"action":"` + e.ActionNames()[0] + `","metadata":{"why":1}}`
		u.call("POST", one+"/archive", "").is(200)
		again := u.call("POST", one+"/archive", "").is(200)
		if again.item().Version != 2 {
			t.Errorf("archived again: %s", again.body)
		}
		u.call("POST", one+"/process", action).is(200)
		stored := u.call("GET", one, "").is(200)
		pulled := u.call("GET", syncPath(e, "pull"), "").is(200)
		u.clock.advance(1e9)
		for _, row := range [][3]string{
			{"PATCH", one, `{}`},
			{"PATCH", one, `{"t":"text"}`},
			{"PATCH", one, `{"t":"\u0074ext","n":1.10` + parent + `}`},
			{"PATCH", one, `{"a": { "z":"é", "x":[ 1,{"y":null}]}}`},
			{"PATCH", one, `{"uid":"x","sync":5,"updatedTs":1}`},
			{"PUT", one, object(t, stored)},
			{"POST", one + "/process", action},
			{"POST", one + "/process", action},
		} {
			got := u.call(row[0], row[1], row[2], set("If-Match", fmt.Sprint(stored.item().Version))).is(200)
			if string(got.body) != string(stored.body) {
				t.Errorf("%s %s: %s\nstored %s", row[0], row[2], got.body, stored.body)
			}
			u.call(row[0], row[1], row[2], set("If-Match", "1")).fails(412, "version_mismatch")
		}
		if got := u.call("GET", syncPath(e, "pull"), "").is(200); string(got.body) != string(pulled.body) {
			t.Errorf("pulled %s, before %s", got.body, pulled.body)
		}
	})
}

// object is the payload of an answer, as it was sent.
func object(t *testing.T, got answer) string {
	t.Helper()
	_, payload, found := strings.Cut(string(got.body), `"payload":`)
	if !found {
		t.Fatalf("%s", got.body)
	}
	return strings.TrimSuffix(payload, "}")
}

func TestAPushThatIsRepeatedChangesNothing(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		for n, members := range []string{`"a":1`, `"a":1,"updatedTs":"1000"`, `"a":1,"sync":{"isDeleted":true}`} {
			sent := u.body(e, members+`,"uid":"`+numbered(n)+`"`)
			first := u.push(e, sent)[0]
			u.clock.advance(1e9)
			if again := u.push(e, sent)[0]; again != first || again.Error != "" {
				t.Errorf("%+v became %+v", first, again)
			}
		}
	})
}

func TestARepeatedWriteThatChangedNothingIsNotMadeLater(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		one := "/v1/notes/" + u.has(find("note"), `"title":"A"`).UID
		first := u.call("PATCH", one, `{"title":"A"}`, keyed("k")).is(200)
		u.call("PATCH", one, `{"title":"B"}`).is(200)
		u.call("PATCH", one, `{"title":"A"}`, keyed("k")).repeats(first)
		if got := u.call("GET", one, "").item(); got.Payload["title"] != "B" || got.Version != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestADueDateIsADateOrTime(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	const says = "dueDate must be a date or time of ISO 8601, such as 2026-01-31, 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+02:00, or null for none"
	task := u.call("POST", "/v1/tasks", `{"title":"T","dueDate":"2026-01-31"}`).is(201).item()
	one := "/v1/tasks/" + task.UID
	for _, value := range []string{`"2026-13-45"`, `"2026-02-30"`, `"tomorrow"`, `""`, `5`, `true`, `[]`, `{}`, `"1769817600000"`} {
		for _, row := range [][2]string{{"POST", "/v1/tasks"}, {"PUT", one}, {"PATCH", one}} {
			got := u.call(row[0], row[1], `{"dueDate":`+value+`}`).fails(422, "invalid_field").says(says)
			if got.detail("field") != "dueDate" {
				t.Errorf("%s", got.body)
			}
		}
	}
	if got := u.call("GET", one, "").item(); got.Version != 1 {
		t.Errorf("%+v", got)
	}
	for _, value := range []string{`"2026-02-28T10:00"`, `"2026-02-28T10:00:00.5+0200"`, `null`} {
		u.call("PATCH", one, `{"dueDate":`+value+`}`).is(200)
		u.call("POST", "/v1/tasks", `{"dueDate":`+value+`}`).is(201)
	}
	u.call("PATCH", "/v1/notes/"+u.has(find("note"), `"dueDate":"whenever"`).UID, `{"dueDate":5}`).is(200) // a note's key is free
}

func TestAnOldDueDateStaysAsItIs(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("task")
	if acks := u.push(e, u.pushable(e, 1, "1000", `"dueDate":"2026-13-45"`)); acks[0].Error != "" {
		t.Fatalf("a push must not lose what a client has: %+v", acks)
	}
	one := path(e) + "/" + numbered(1)
	u.call("PATCH", one, `{"title":"T"}`).is(200)
	u.call("POST", one+"/archive", "").is(200)
	u.call("PUT", one, `{"title":"U","dueDate":"2026-13-45"}`).is(200)
	u.call("PATCH", one, `{"dueDate":"2026-13-46"}`).fails(422, "invalid_field")
	if got := u.call("GET", one, "").is(200).item(); got.Payload["dueDate"] != "2026-13-45" {
		t.Errorf("%+v", got)
	}
}
