package httpapi_test

import (
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// forEachChild runs a test for every entity that has a parent, and every kind
// that parent may be.
func forEachChild(t *testing.T, test func(t *testing.T, u user, e *entity.Entity, kind entity.Kind)) {
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		if e.Parent == nil {
			return
		}
		for _, kind := range e.Parent.Kinds {
			t.Run("of "+string(kind), func(t *testing.T) { test(t, u.within(t), e, kind) })
		}
	})
}

func TestAChildNeedsALiveParentOfItsOwner(t *testing.T) {
	t.Parallel()
	forEachChild(t, func(t *testing.T, u user, e *entity.Entity, kind entity.Kind) {
		parents := find(kind)
		deleted := u.has(parents, "").UID
		u.call("DELETE", path(parents)+"/"+deleted, "").is(200)
		foreign := u.user("bob").has(parents, "").UID
		for name, uid := range map[string]string{"unknown": someUID, "deleted": deleted, "foreign": foreign, "nil": nilUID} {
			t.Run(name, func(t *testing.T) {
				u := u.within(t)
				got := u.call("POST", path(e), "{"+namedParent(e, kind, uid)+"}").fails(409, "parent_not_found")
				got.says("parent " + string(kind) + " not found: " + uid)
				if got.detail("field") != e.Parent.UIDKey {
					t.Errorf("details %s", got.body)
				}
				child := path(e) + "/" + u.has(e, "").UID
				for _, verb := range []string{"PUT", "PATCH"} {
					u.call(verb, child, "{"+namedParent(e, kind, uid)+"}").fails(409, "parent_not_found")
				}
			})
		}
		alive := u.parentKeys(e, kind)
		created := u.call("POST", path(e), "{"+alive+"}").is(201).item()
		if created.Payload[e.Parent.UIDKey] == nil {
			t.Errorf("payload %v", created.Payload)
		}
	})
}

func TestParentKeysThatNameNobodyAreRefusedByName(t *testing.T) {
	t.Parallel()
	forEachChild(t, func(t *testing.T, u user, e *entity.Entity, kind entity.Kind) {
		typed := ""
		if e.Parent.TypeKey != "" {
			typed = `"` + e.Parent.TypeKey + `":"` + string(kind) + `",`
		}
		uidKey := e.Parent.UIDKey
		rows := map[string]string{ // body to the field it is refused for
			`{` + typed + `"x":1}`:                                               uidKey,
			`{` + typed + `"` + uidKey + `":5}`:                                  uidKey,
			`{` + typed + `"` + uidKey + `":null}`:                               uidKey,
			`{` + typed + `"` + uidKey + `":"abc"}`:                              uidKey,
			`{` + typed + `"` + uidKey + `":""}`:                                 uidKey,
			`{` + typed + `"parent_uid":"` + someUID + `"}`:                      uidKey,
			`{` + typed + `"chat_uid":"` + someUID + `"}`:                        uidKey,
			`{` + typed + `"` + strings.ToUpper(uidKey) + `":"` + someUID + `"}`: uidKey,
		}
		if key := e.Parent.TypeKey; key != "" {
			named := `"` + uidKey + `":"` + someUID + `"`
			for _, value := range []string{`"chat"`, `"` + strings.ToUpper(string(kind)) + `"`, `""`, `5`, `null`} {
				rows[`{`+named+`,"`+key+`":`+value+`}`] = key
			}
			rows[`{`+named+`}`] = key
		}
		child := path(e) + "/" + u.has(e, "").UID
		for body, field := range rows {
			got := u.call("POST", path(e), body).fails(422, "invalid_field")
			sentence, _ := got.json()["error"].(string)
			if got.detail("field") != field || !strings.HasPrefix(sentence, field+" ") {
				t.Errorf("%s: %s", body, got.body)
			}
		}
		for _, verb := range []string{"PUT", "PATCH"} {
			got := u.call(verb, child, `{"`+uidKey+`":5}`).fails(422, "invalid_field")
			if got.detail("field") != uidKey {
				t.Errorf("%s: %s", verb, got.body)
			}
		}
	})
}

func TestChildrenOutliveTheirParent(t *testing.T) {
	t.Parallel()
	forEachChild(t, func(t *testing.T, u user, e *entity.Entity, kind entity.Kind) {
		keys := u.parentKeys(e, kind)
		child := u.call("POST", path(e), "{"+keys+"}").is(201).item()
		one := path(e) + "/" + child.UID
		uid, _ := child.Payload[e.Parent.UIDKey].(string)
		u.call("DELETE", path(find(kind))+"/"+uid, "").is(200)
		u.call("GET", one, "").is(200)
		u.call("PATCH", one, `{"a":1}`).is(200)
		u.call("PUT", one, `{"b":1}`).is(200)
		u.call("PUT", one, "{"+keys+"}").is(200)
		u.call("PATCH", one, `{"`+e.Parent.UIDKey+`":"`+strings.ToUpper(uid)+`"}`).is(200)
		u.call("PATCH", one, `{"`+e.Parent.UIDKey+`":"{`+uid+`}"}`).fails(422, "invalid_field")
		u.call("POST", one+"/archive", "").is(200)
		u.call("POST", one+"/process", `{"action":"`+e.ActionNames()[0]+`"}`).is(200)
		u.call("POST", path(e), "{"+keys+"}").fails(409, "parent_not_found")
		u.call("PATCH", one, "{"+u.parentKeys(e, kind)+"}").is(200)
		u.call("PATCH", one, "{"+keys+"}").fails(409, "parent_not_found")
		u.call("DELETE", one, "").is(200)
	})
}

func TestPutKeepsEachParentKeyItDoesNotSend(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("comment")
	note, task := u.has(find("note"), "").UID, u.has(find("task"), "").UID
	one := path(e) + "/" + u.call("POST", path(e), `{"parentType":"note","parentUid":"`+note+`"}`).is(201).item().UID
	for _, row := range []struct {
		name, body string
		status     int
		kind, uid  string
	}{
		{"neither", `{"a":1}`, 200, "note", note},
		{"the type alone, unchanged", `{"parentType":"note"}`, 200, "note", note},
		{"the type alone, of no such item", `{"parentType":"task"}`, 409, "note", note},
		{"the uid alone, of no such item", `{"parentUid":"` + task + `"}`, 409, "note", note},
		{"both", `{"parentType":"task","parentUid":"` + task + `"}`, 200, "task", task},
		{"neither again", `{}`, 200, "task", task},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			u.call("PUT", one, row.body).is(row.status)
			stored := u.call("GET", one, "").is(200).item().Payload
			if stored["parentType"] != row.kind || stored["parentUid"] != row.uid {
				t.Errorf("payload %v", stored)
			}
		})
	}
}
