package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

const (
	oneUID   = "3f9a01bc-4d21-4000-8000-0000000000a1"
	otherUID = "3f9a01bc-4d22-4000-8000-0000000000b2"
)

// candidates are the uids that an ambiguous uid is said to name.
func (a answer) candidates() (uids []string) {
	a.t.Helper()
	found, _ := a.detail("candidates").([]any)
	for _, each := range found {
		uids = append(uids, fmt.Sprint(each.(map[string]any)["uid"]))
	}
	return uids
}

// withUID creates an item under a uid.
func (u user) withUID(e *entity.Entity, uid, members string) {
	u.t.Helper()
	u.call("POST", path(e), u.body(e, strings.TrimSuffix(`"uid":"`+uid+`",`+members, ","))).is(201)
}

func TestEveryRouteTakesTheBeginningOfAUID(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		u.withUID(e, oneUID, "")
		for _, short := range []string{"3f9a01bc", "3F9A01BC", "3f9a01bc4", "3f9a01bc-", "3f9a01bc-4d", "3f9a01bc4d21", "3f9a01bc4d2140008000-"[:20], "3F9a01bc-4d21-4000-8000-0000000000a", "3f9a01bc4d21400080000000000000a"} {
			if got := u.call("GET", path(e)+"/"+short, "").is(200).item().UID; got != oneUID {
				t.Errorf("%s: %s", short, got)
			}
		}
		for _, short := range []string{"3f9a01b", "3f9a01bg", "3f9a-01bc", "3f9a01bc--", "3f9a01bc-4d2140", "3f9a01bc4d21-4000", "3f9a01bc%20", "{3f9a01bc", "3f9a01bc4d21400080000000000000a1a", "３f9a01bc"} {
			u.call("GET", path(e)+"/"+short, "").fails(400, "invalid_uid")
		}
		u.call("GET", path(e)+"/3f9a01bd", "").fails(404, "not_found")
		u.user("bob").call("GET", path(e)+"/3f9a01bc", "").fails(404, "not_found")
		for n, request := range operations(t) {
			if !strings.Contains(request.Path, "{uid}") {
				continue
			}
			uid := fmt.Sprintf("%08x-4d21-4000-8000-0000000000a1", 0xabcdef00+n)
			u.withUID(e, uid, "")
			where := strings.NewReplacer("{plural}", e.Segment, "{uid}", uid[:8]).Replace(request.Path)
			body := map[string]string{"PUT": "{}", "PATCH": `{"a":1}`}[request.Method]
			if strings.HasSuffix(where, "/process") {
				body = `{"action":"` + e.ActionNames()[0] + `"}`
			}
			if got := u.call(request.Method, where, body).is(200).item().UID; got != uid {
				t.Errorf("%s: %s", request.Name, got)
			}
		}
	})
}

func TestEveryOtherRouteTakesTheBeginningOfAUID(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		u.withUID(e, oneUID, `"`+e.Text[0]+`":"one"`)
		for _, row := range []struct{ method, under, body string }{
			{"POST", "/edit", `{"append":"two"}`},
			{"POST", "/tags", `{"add":["a"]}`},
			{"POST", "/restore", `{"version":1}`},
			{"GET", "/history", ""},
		} {
			got := u.call(row.method, path(e)+"/3F9A01BC"+row.under, row.body).is(200)
			if row.under != "/history" && !strings.Contains(string(got.body), oneUID) {
				t.Errorf("%s: %s", row.under, got.body)
			}
		}
		u.withUID(e, otherUID, "")
		for _, row := range []struct{ method, under, body string }{
			{"POST", "/edit", `{"append":"two"}`},
			{"POST", "/tags", `{"add":["b"]}`},
			{"POST", "/restore", `{"version":2}`},
			{"GET", "/history", ""},
		} {
			u.call(row.method, path(e)+"/3f9a01bc"+row.under, row.body).fails(409, "ambiguous_uid")
		}
		for _, uid := range []string{"3f9a01bc", "3f9a01bc-4d23"} {
			code := map[bool]string{true: "ambiguous_uid", false: "not_found"}[len(uid) == 8]
			got := u.call("POST", "/v1/batch", `{"operations":[{"op":"delete","kind":"`+string(e.Kind)+`","uid":"`+uid+`"}]}`)
			if got.json()["code"] != code {
				t.Errorf("batch with %s: %s", uid, got.body)
			}
		}
		u.call("POST", "/v1/batch", `{"operations":[{"op":"delete","kind":"`+string(e.Kind)+`","uid":"3f9a01bc4d22"}]}`).is(200)
		u.call("GET", path(e)+"/"+otherUID, "").fails(410, "deleted")
		if found := u.call("GET", path(e)+"/"+oneUID, "").is(200).item(); found.Version != 4 {
			t.Errorf("version %d", found.Version)
		}
	})
}

func TestNothingIsDoneToAnAmbiguousItem(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		u.withUID(e, oneUID, `"title":"one","content":"one"`)
		u.withUID(e, otherUID, `"title":"other","content":"other"`)
		key := keyed("once")
		for _, request := range operations(t) {
			if !strings.Contains(request.Path, "{uid}") {
				continue
			}
			where := strings.NewReplacer("{plural}", e.Segment, "{uid}", "3f9a01bc").Replace(request.Path)
			got := u.call(request.Method, where, `{"action":"`+e.ActionNames()[0]+`"}`, key).fails(409, "ambiguous_uid")
			if fmt.Sprint(got.candidates()) != fmt.Sprint([]string{oneUID, otherUID}) {
				t.Errorf("%s: %s", request.Name, got.body)
			}
		}
		for _, uid := range []string{oneUID, otherUID} {
			if found := u.call("GET", path(e)+"/"+uid, "").is(200).item(); found.Version != 1 {
				t.Errorf("%s has version %d", uid, found.Version)
			}
		}
		if got := u.call("GET", path(e)+"/3f9a01bc-4d22", "").is(200).item().UID; got != otherUID {
			t.Errorf("found %s", got)
		}
		u.call("DELETE", path(e)+"/"+otherUID, "").is(200)
		u.call("GET", path(e)+"/3f9a01bc", "").fails(409, "ambiguous_uid") // a tombstone is an item, too
		u.call("GET", path(e)+"/3f9a01bc4d22", "").fails(410, "deleted")
		if e.Kind == "note" {
			for n := range 7 {
				u.withUID(e, fmt.Sprintf("3f9a01bc-4d23-4000-8000-%012d", n), "")
			}
			if got := u.call("GET", path(e)+"/3f9a01bc", "").fails(409, "ambiguous_uid"); len(got.candidates()) != 5 || got.detail("more") != true {
				t.Errorf("%s", got.body)
			}
		}
	})
}

func TestAParentIsNamedByTheBeginningOfItsUID(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		for _, e := range entity.Table {
			if e.Parent == nil {
				continue
			}
			u := start(t).user("alice")
			kind := e.Parent.Kinds[0]
			u.withUID(find(kind), oneUID, `"title":"one"`)
			made := u.call("POST", path(e), "{"+namedParent(e, kind, "3F9A01BC")+`,"uid":"`+numbered(1)+`"}`).is(201).item()
			if made.Payload[e.Parent.UIDKey] != oneUID {
				t.Errorf("stored as %v", made.Payload)
			}
			u.finds(e, e.Parent.UIDKey+"=3f9a01bc", 1)
			u.finds(e, e.Parent.UIDKey+"=3f9a01bc-4d21", 1)
			u.call("GET", path(e)+"?"+e.Parent.UIDKey+"=3f9a01bd", "").fails(404, "not_found")
			u.call("GET", path(e)+"?"+e.Parent.UIDKey+"=3f9a01b", "").fails(400, "invalid_filter")
			u.call("POST", path(e), "{"+namedParent(e, kind, "3f9a01bd")+"}").fails(409, "parent_not_found")
			u.call("POST", path(e), "{"+namedParent(e, kind, "3f9a01b")+"}").fails(422, "invalid_field")
			if got := u.call("PATCH", path(e)+"/"+numbered(1), "{"+namedParent(e, kind, "3f9a01bc")+"}").is(200).item(); got.Version != 1 {
				t.Errorf("the same parent made version %d", got.Version)
			}
			if last := e.Parent.Kinds[len(e.Parent.Kinds)-1]; last != kind {
				u.withUID(find(last), otherUID, "")
				u.call("GET", path(e)+"?"+e.Parent.UIDKey+"=3f9a01bc", "").fails(409, "ambiguous_uid")
				u.finds(e, e.Parent.TypeKey+"="+string(kind)+"&"+e.Parent.UIDKey+"=3f9a01bc", 1)
				u.call("PATCH", path(e)+"/"+numbered(1), `{"`+e.Parent.UIDKey+`":"3f9a01bc"}`).is(200) // of the kind that it has
				moved := u.call("PUT", path(e)+"/"+numbered(1), "{"+namedParent(e, last, "3f9a01bc")+"}").is(200).item()
				if moved.Payload[e.Parent.UIDKey] != otherUID {
					t.Errorf("moved to %v", moved.Payload)
				}
				u.withUID(find(kind), otherUID, "")
			} else {
				u.withUID(find(kind), otherUID, "")
			}
			got := u.call("POST", path(e), "{"+namedParent(e, kind, "3f9a01bc")+"}").fails(409, "ambiguous_uid")
			if got.detail("field") != e.Parent.UIDKey || fmt.Sprint(got.candidates()) != fmt.Sprint([]string{oneUID, otherUID}) {
				t.Errorf("%s", got.body)
			}
			u.call("PATCH", path(e)+"/"+numbered(1), "{"+namedParent(e, kind, "3f9a01bc")+"}").fails(409, "ambiguous_uid")
			u.call("PATCH", path(e)+"/"+numbered(9), "{"+namedParent(e, kind, "3f9a01bc")+"}").fails(404, "not_found")
		}
	})
}
