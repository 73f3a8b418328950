package httpapi_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
)

func TestACreatedItemHasTheContractsShape(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		created := u.call("POST", path(e), u.body(e, `"title":"T","sync":{"isDeleted":true,"x":1},"updatedTs":"never","version":77`)).is(201)
		got := created.item()
		if uuid.Validate(got.UID) != nil || got.Version != 1 || got.DeletedAt != "" {
			t.Errorf("item %s", created.body)
		}
		for key, want := range map[string]any{
			"title": "T", "version": 77.0, "uid": got.UID, "updatedTs": got.UpdatedAt,
			"sync": map[string]any{"version": 1.0, "isDeleted": false},
		} {
			if !reflect.DeepEqual(got.Payload[key], want) {
				t.Errorf("payload.%s is %v, want %v", key, got.Payload[key], want)
			}
		}
		for _, name := range []string{"Location", "ETag"} {
			if created.header.Get(name) != "" {
				t.Errorf("header %s", name)
			}
		}
		read := u.call("GET", path(e)+"/"+got.UID, "").is(200)
		if !bytes.Equal(read.body, created.body) {
			t.Errorf("read %s\ncreated %s", read.body, created.body)
		}
	})
}

func TestWhatIsStoredComesBackToTheLetter(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	values := `"big":12345678901234567890,"price":1.10,"exp":1E+2,"neg":-0.0,"nested":{"z":[1.0,{"a":null}],"a":1},` +
		`"text":"<b> & \u003c ä 😀 \ud83d\ude00 \n","Title":5,"":"empty key","k\u0065y":true`
	created := u.call("POST", "/v1/notes", "{"+values+"}").is(201)
	patched := u.call("PATCH", "/v1/notes/"+created.item().UID, `{"title":2.50}`).is(200)
	for _, got := range []answer{created, patched, u.call("GET", "/v1/notes", "")} {
		if !strings.Contains(string(got.body), values) {
			t.Errorf("%s: %s", got.request, got.body)
		}
	}
	if !strings.Contains(string(patched.body), `"title":2.50`) {
		t.Errorf("patched %s", patched.body)
	}
}

func TestTheUIDOfACreation(t *testing.T) {
	t.Parallel()
	const upper = "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEE1"
	for _, row := range []struct {
		name, sent string
		uid        string // empty: a fresh one
	}{
		{"a usable one is taken", `"` + someUID + `"`, someUID},
		{"capitals are lowered", `"` + upper + `"`, strings.ToLower(upper)},
		{"a number is replaced", `5`, ""},
		{"a word is replaced", `"abc"`, ""},
		{"null is replaced", `null`, ""},
		{"an empty one is replaced", `""`, ""},
		{"the nil UUID is replaced", `"` + nilUID + `"`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
				got := u.has(e, `"uid":`+row.sent)
				if row.uid == "" {
					if uuid.Validate(got.UID) != nil || got.UID == nilUID {
						t.Errorf("uid %s", got.UID)
					}
				} else if got.UID != row.uid {
					t.Errorf("uid %s, want %s", got.UID, row.uid)
				}
				if got.Payload["uid"] != got.UID {
					t.Errorf("payload.uid %v, want %s", got.Payload["uid"], got.UID)
				}
				patched := u.call("PATCH", path(e)+"/"+got.UID, `{"uid":"other"}`).is(200).item()
				if patched.Payload["uid"] != got.UID {
					t.Errorf("payload.uid %v after a patch", patched.Payload["uid"])
				}
			})
		})
	}
}

func TestAnExistingUIDIsNeverReplacedByACreation(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		kept := u.has(e, `"title":"first"`)
		again := u.body(e, `"title":"second","uid":"`+strings.ToUpper(kept.UID)+`"`)
		got := u.call("POST", path(e), again).fails(409, "uid_exists")
		if got.detail("uid") != kept.UID {
			t.Errorf("details %s", got.body)
		}
		if stored := u.call("GET", path(e)+"/"+kept.UID, "").item(); stored.Payload["title"] != "first" || stored.Version != 1 {
			t.Errorf("stored %+v", stored)
		}
		u.call("DELETE", path(e)+"/"+kept.UID, "").is(200)
		u.call("POST", path(e), again).fails(409, "uid_exists")
		u.call("GET", path(e)+"/"+kept.UID, "").fails(410, "deleted")
	})
}

func TestTwoUsersNeverSeeEachOther(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, alice user, e *entity.Entity) {
		bob := alice.user("bob")
		one := path(e) + "/" + alice.has(e, `"uid":"`+someUID+`"`).UID
		for _, row := range [][2]string{
			{"GET", one}, {"GET", one + "?includeDeleted=true"}, {"PUT", one}, {"PATCH", one}, {"DELETE", one}, {"POST", one + "/archive"},
		} {
			bob.call(row[0], row[1], "{}").fails(404, "not_found").says(e.Word() + " not found")
		}
		bob.call("POST", one+"/process", `{"action":"`+e.ActionNames()[0]+`"}`).fails(404, "not_found")
		if list := bob.call("GET", path(e), ""); string(list.body) != `{"items":[]}` {
			t.Errorf("bob's list %s", list.body)
		}
		bob.has(e, `"uid":"`+someUID+`","title":"bob's"`)
		if mine := alice.call("GET", one, "").is(200).item(); mine.Version != 1 || mine.Payload["title"] != nil {
			t.Errorf("alice's item %+v", mine)
		}
	})
}

func TestABodyThatIsNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	bodies := []string{
		``, ` `, `{`, `[]`, `[{}]`, `"x"`, `5`, `-5`, `true`, `null`, ` null `, `{} {}`, `{}x`, "{\"a\":\"\xff\"}", `{"a":"\u0000"}`, `{"a":"\ud800"}`, `{"a":1e999}`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	}
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		for _, body := range bodies {
			for _, row := range [][2]string{{"POST", path(e)}, {"PUT", one}, {"PATCH", one}, {"POST", one + "/process"}} {
				got := u.call(row[0], row[1], body).fails(400, "invalid_json")
				if sentence, _ := got.json()["error"].(string); !strings.HasPrefix(sentence, "invalid JSON: ") {
					t.Errorf("%s: %s", got.request, got.body)
				}
			}
		}
		if got := u.call("GET", one, "").is(200).item(); got.Version != 1 {
			t.Errorf("version %d", got.Version)
		}
	})
}

func TestABodyThatCannotBeReadIsToldWhy(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for body, sentence := range map[string]string{
		"":                      "invalid JSON: the body is empty",
		" null":                 `invalid JSON: expected an object such as {"title":"Milk"}, not null`,
		"[{}]":                  `invalid JSON: expected an object such as {"title":"Milk"}, not an array`,
		"\ufeff{}":              "invalid JSON: the body begins with a byte order mark (U+FEFF); send it without one",
		`{"title":"a\u0000b"}`:  `invalid JSON: a NUL character (U+0000) in "title"`,
		`{"a":1,"n":[2,1e999]}`: `invalid JSON: a number too large for a double in "n"`,
		`{"d":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: `invalid JSON: nested more than 100 levels deep in "d"`,
	} {
		u.call("POST", "/v1/notes", body).fails(400, "invalid_json").says(sentence)
	}
}

func TestABodyMayBeAsLongAsTheLimit(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := "/v1/notes/" + u.has(find("note"), "").UID
	sized := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	u.call("POST", "/v1/notes", sized(1<<20)).is(201)
	for _, row := range [][2]string{{"POST", "/v1/notes"}, {"PUT", one}, {"PATCH", one}, {"POST", one + "/process"}} {
		got := u.call(row[0], row[1], sized(1<<20+1)).fails(413, "body_too_large").
			says("request body is larger than 1048576 bytes; send less, in several requests if need be")
		if got.detail("maxBytes") != float64(1<<20) {
			t.Errorf("details %s", got.body)
		}
	}
}

func TestAStringMayBeAsLongAsItsLimit(t *testing.T) {
	t.Parallel()
	plain := start(t)
	u := plain.user("alice")
	const most = 2000
	holding := func(n int) string { return `{"action":"pin","a":{"b":["` + strings.Repeat("x", n) + `"]}}` }
	one := "/v1/notes/" + u.call("POST", "/v1/notes", holding(most+1)).is(201).item().UID
	u = u.on(plain.twin(func(api *httpapi.API) { api.Items.MaxString = most }))
	for _, row := range [][2]string{{"POST", "/v1/notes"}, {"PUT", one}, {"PATCH", one}, {"POST", one + "/process"}} {
		got := u.call(row[0], row[1], holding(most+1)).fails(400, "invalid_json").
			says("invalid JSON: a string of more than 2000 bytes at /a/b/0; shorten it or split it up")
		if got.detail("field") != "a" || got.detail("path") != "/a/b/0" || got.detail("maxBytes") != 2000.0 {
			t.Errorf("details %s", got.body)
		}
	}
	kept := u.call("PATCH", one, `{"c":1}`).is(200) // what was stored before the limit
	if !strings.Contains(string(kept.body), strings.Repeat("x", most+1)) {
		t.Error("a stored string was lost")
	}
	u.call("POST", "/v1/notes", holding(most)).is(201)
	u.call("PUT", one, holding(most)).is(200)
	limits, _ := u.send("GET", "/v1/sync/info", "", nil).is(200).json()["limits"].(map[string]any)
	if limits["maxStringBytes"] != 2000.0 || limits["maxKeyBytes"] != 1024.0 {
		t.Errorf("limits %v", limits)
	}
}

func TestPatchesCannotMakeAnItemGrowWithoutEnd(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := "/v1/notes/" + u.has(find("note"), "").UID
	const tooLarge = "the item would be larger than 1048576 bytes; shorten its values, or keep some in an item of their own"
	half := func(key string) string { return `{"` + key + `":"` + strings.Repeat("x", 1<<19) + `"}` }
	u.call("PATCH", one, half("a")).is(200)
	got := u.call("PATCH", one, half("b")).fails(413, "body_too_large").says(tooLarge)
	if got.detail("maxBytes") != float64(1<<20) {
		t.Errorf("details %s", got.body)
	}
	u.call("PATCH", one, half("a")).is(200)
	full := u.call("POST", "/v1/notes", `{"a":"`+strings.Repeat("x", 1<<20-8)+`"}`).is(201).item()
	one = "/v1/notes/" + full.UID
	u.call("PATCH", one, `{"b":1}`).fails(413, "body_too_large")
	u.call("PATCH", one, `{"a":"short"}`).is(200)
	u.call("PATCH", one, `{"b":1}`).is(200)
	u.call("POST", one+"/archive", "").is(200)
}

func TestPutReplacesAndPatchMerges(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		stored := u.has(e, `"title":"T","tags":["a"],"deep":{"a":1,"b":2}`)
		one := path(e) + "/" + stored.UID
		patched := u.call("PATCH", one, `{"deep":{"c":3},"tags":null,"uid":"x","sync":5,"updatedTs":1,"new":true}`).is(200).item()
		for key, want := range map[string]any{
			"title": "T", "tags": nil, "deep": map[string]any{"c": 3.0}, "new": true, "uid": stored.UID,
			"updatedTs": patched.UpdatedAt, "sync": map[string]any{"version": 2.0, "isDeleted": false},
		} {
			if got, present := patched.Payload[key]; !present || !reflect.DeepEqual(got, want) {
				t.Errorf("after PATCH payload.%s is %v, want %v", key, got, want)
			}
		}
		replaced := u.call("PUT", one, `{"title":"U","uid":"`+someUID+`"}`).is(200).item()
		want := map[string]any{
			"title": "U", "uid": stored.UID, "updatedTs": replaced.UpdatedAt,
			"sync": map[string]any{"version": 3.0, "isDeleted": false},
		}
		if e.Parent != nil {
			for _, key := range []string{e.Parent.UIDKey, e.Parent.TypeKey} {
				if key != "" {
					want[key] = stored.Payload[key]
				}
			}
		}
		if !reflect.DeepEqual(replaced.Payload, want) || replaced.Version != 3 {
			t.Errorf("after PUT %+v, want payload %v", replaced, want)
		}
	})
}

func TestEveryWriteRaisesVersionAndTime(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		last := u.has(e, "")
		one, action := path(e)+"/"+last.UID, `{"action":"`+e.ActionNames()[0]+`"}`
		u.clock.advance(-time.Minute) // a clock that went back must not show
		for _, row := range [][3]string{
			{"PATCH", one, `{"a":1}`}, {"PATCH", one, `{"a":2}`}, {"PATCH", one, `{"b":null}`}, {"PUT", one, "{}"}, {"POST", one + "/archive", ""},
			{"PUT", one, `{"n":1.0}`}, {"PUT", one, `{"n":1.00}`}, {"POST", one + "/process", action}, {"DELETE", one, ""},
		} {
			got := u.call(row[0], row[1], row[2]).is(200).item()
			if got.Version != last.Version+1 || !parse(t, got.UpdatedAt).After(parse(t, last.UpdatedAt)) {
				t.Errorf("%s: version %d at %s after %d at %s", row[0], got.Version, got.UpdatedAt, last.Version, last.UpdatedAt)
			}
			last = got
		}
	})
}

func parse(t *testing.T, timestamp string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, timestamp)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestADeletedItemIsATombstone(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		stored := u.has(e, `"title":"T"`)
		one := path(e) + "/" + stored.UID
		short := u.call("DELETE", one, "").is(200).json()
		deletedAt := short["deletedAt"]
		want := map[string]any{"uid": stored.UID, "version": 2.0, "updatedAt": deletedAt, "deletedAt": deletedAt}
		if !reflect.DeepEqual(short, want) {
			t.Errorf("answer to DELETE %v", short)
		}
		gone := func(sentence, method, path string) {
			t.Helper()
			got := u.call(method, path, `{"action":"`+e.ActionNames()[0]+`"}`).fails(410, "deleted").says(e.Word() + sentence)
			if got.json()["deletedAt"] != deletedAt {
				t.Errorf("%s: %s", got.request, got.body)
			}
		}
		gone(" already deleted", "DELETE", one)
		for _, row := range [][2]string{
			{"GET", one}, {"GET", one + "?includeDeleted=1"}, {"GET", one + "?includeDeleted=TRUE"}, {"PUT", one}, {"PATCH", one},
			{"POST", one + "/archive"}, {"POST", one + "/process"},
		} {
			gone(" deleted", row[0], row[1])
		}
		kept := u.call("GET", one+"?includeDeleted=true", "").is(200).item()
		sync := map[string]any{"version": 2.0, "isDeleted": true, "deletedAt": deletedAt}
		if kept.DeletedAt != deletedAt || kept.Payload["title"] != "T" || !reflect.DeepEqual(kept.Payload["sync"], sync) {
			t.Errorf("tombstone %+v", kept)
		}
	})
}

func TestAUIDInThePathMayBeSpeltInAnyUsualWay(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	u.has(find("note"), `"uid":"`+someUID+`"`)
	bare := strings.ReplaceAll(someUID, "-", "")
	for _, uid := range []string{someUID, strings.ToUpper(someUID), bare, strings.ToUpper(bare)} {
		if got := u.call("GET", "/v1/notes/"+uid, "").is(200).item(); got.UID != someUID {
			t.Errorf("%s: uid %s", uid, got.UID)
		}
	}
	for _, uid := range []string{
		"%7B" + someUID + "%7D", "urn:uuid:" + someUID, "x", someUID + "0", "..%2f" + someUID, "%2e%2e", "x" + someUID + "y", someUID + "%00", "%ff", strings.Repeat("a", 10_000), "-" + bare,
	} {
		for _, row := range [][2]string{{"GET", ""}, {"PUT", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/archive"}, {"POST", "/process"}} {
			u.call(row[0], "/v1/notes/"+uid+row[1], "{}").fails(400, "invalid_uid").
				says("invalid UID: a uid is a UUID such as 123e4567-e89b-42d3-a456-426614174000, or its first 8 or more digits")
		}
	}
}

func TestTimestampsDropTrailingZeros(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	created := u.call("POST", "/v1/notes", "{}").is(201)
	if !json.Valid(created.body) || created.item().UpdatedAt != "2026-11-20T06:15:34.04Z" {
		t.Errorf("updatedAt %s", created.item().UpdatedAt)
	}
	u.clock.advance(960 * time.Millisecond)
	if got := u.has(find("note"), ""); got.UpdatedAt != "2026-11-20T06:15:35Z" {
		t.Errorf("updatedAt %s", got.UpdatedAt)
	}
}
