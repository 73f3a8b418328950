package httpapi_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
)

// count makes each body another one, as a write that changes nothing is none.
var count atomic.Int64

// conditional is every operation that If-Match can guard: method, path and body.
func conditional(t *testing.T, e *entity.Entity, one string) (rows [][3]string) {
	t.Helper()
	other := fmt.Sprintf(`{"count":%d}`, count.Add(1))
	bodies := map[string]string{"replace": other, "patch": other, "process": `{"action":"` + e.ActionNames()[0] + `"}`}
	for _, operation := range operations(t) {
		if operation.Conditional {
			path := strings.Replace(operation.Path, "/v1/{plural}/{uid}", one, 1)
			rows = append(rows, [3]string{operation.Method, path, bodies[operation.Name]})
		}
	}
	return rows
}

func TestIfMatchGuardsEveryWrite(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		for i := range conditional(t, e, "") {
			one := path(e) + "/" + u.has(e, "").UID
			u.call("PATCH", one, `{"count":0}`).is(200)
			row := conditional(t, e, one)[i]
			for _, value := range []string{"1", `"3"`, "-2", "0", "9223372036854775807"} {
				got := u.call(row[0], row[1], row[2], set("If-Match", value)).fails(412, "version_mismatch")
				expected := strings.Trim(value, `"`)
				got.says("version mismatch: expected " + expected + ", actual 2; read the item again")
				if got.detail("actual") != 2.0 {
					t.Errorf("details %s", got.body)
				}
			}
			version := int64(2)
			for _, value := range []string{"2", `"3"`, "+4", `"+5"`} {
				if row[0] != "PATCH" && row[0] != "PUT" && version > 2 {
					break // it has been done
				}
				version++
				if got := u.call(row[0], row[1], conditional(t, e, one)[i][2], set("If-Match", value)).is(200).item(); got.Version != version {
					t.Errorf("%s %s: version %d, want %d", row[0], value, got.Version, version)
				}
			}
		}
	})
}

func TestAnIfMatchThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("task")
	one := path(e) + "/" + u.has(e, "").UID
	for _, values := range [][]string{
		{"*"}, {`"*"`}, {`W/"1"`}, {"abc"}, {"1,2"}, {"1.0"}, {`"1`}, {`1"`}, {`"`}, {`""`}, {""}, {"0x1"}, {"1 1"}, {"--1"},
		{`""1""`}, {strings.Repeat("1", 30)}, {"1", "1"},
	} {
		for _, row := range conditional(t, e, one) {
			u.signing(auth.V1).call(row[0], row[1], row[2], header{"If-Match": values}).fails(400, "invalid_if_match")
		}
	}
	if stored := u.call("GET", one, "").is(200).item(); stored.Version != 1 {
		t.Errorf("version %d", stored.Version)
	}
	u.call("POST", path(e), "{}", set("If-Match", "*")).is(201)
}

// The order of the contract: each row breaks several rules, and the first wins.
func TestAnIfMatchOfSeveralItemsIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := u.call("POST", "/v1/notes", `{"title":"Milk"}`).is(201)
	batch := `{"operations":[{"op":"create","kind":"note","payload":{}}]}`
	u.call("POST", "/v1/batch", batch, set("If-Match", "1")).fails(400, "invalid_if_match")
	undo := `{"change_id":"` + one.header.Get("X-Change-Id") + `"}`
	u.call("POST", "/v1/undo", undo, set("If-Match", "1")).fails(400, "invalid_if_match")
	if got := u.call("GET", "/v1/notes?total=true", "").is(200).json()["total"]; got != 1.0 {
		t.Errorf("%v notes", got)
	}
}

func TestChecksAnswerInTheContractsOrder(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	note := u.has(find("note"), "")
	live := "/v1/notes/" + note.UID
	gone := "/v1/notes/" + u.has(find("note"), "").UID
	u.call("DELETE", gone, "").is(200)
	const unknown = "/v1/notes/" + someUID
	comment := "/v1/comments/" + u.has(find("comment"), "").UID
	orphan := `{"parentUid":"` + someUID + `"}`
	stale := set("If-Match", "9")
	for _, row := range []struct {
		name, method, path, body string
		change                   header
		status                   int
		code                     string
	}{
		{"route before token", "GET", "/v1/nothing", "", set("Authorization", ""), 404, "route_not_found"},
		{"verb before token", "PATCH", "/v1/notes", "", set("Authorization", ""), 405, "method_not_allowed"},
		{"token before tenant", "GET", live, "", header{"Authorization": nil, "X-TB-Signature": nil, "Signature": nil}, 401, "unauthorized"},
		{"tenant before session", "GET", live, "", header{"X-TB-Signature": nil, "Signature": nil, "X-Sync-Session": nil}, 401, "invalid_tenant"},
		{"session before epoch", "GET", live, "", in(someUID, "0"), 428, "session_invalid"},
		{"epoch before uid", "GET", "/v1/notes/x", "", set("X-Sync-Epoch", "0"), 409, "epoch_mismatch"},
		{"uid before If-Match syntax", "PUT", "/v1/notes/x", "{", set("If-Match", "*"), 400, "invalid_uid"},
		{"If-Match syntax before existence", "PUT", unknown, "{", set("If-Match", "*"), 400, "invalid_if_match"},
		{"size before existence", "PUT", unknown, strings.Repeat(" ", 1<<20+1), nil, 413, "body_too_large"},
		{"existence before the body of PUT", "PUT", unknown, "{", nil, 404, "not_found"},
		{"existence before the body of PATCH", "PATCH", unknown, "{", nil, 404, "not_found"},
		{"the body of process before existence", "POST", unknown + "/process", "{", nil, 400, "invalid_json"},
		{"existence before action", "POST", unknown + "/process", `{"action":"fly"}`, nil, 404, "not_found"},
		{"tombstone before the body of PUT", "PUT", gone, "{", nil, 410, "deleted"},
		{"tombstone before action", "POST", gone + "/process", `{"action":"fly"}`, nil, 410, "deleted"},
		{"tombstone before If-Match", "DELETE", gone, "", stale, 410, "deleted"},
		{"the body of PUT before If-Match", "PUT", live, "{", stale, 400, "invalid_json"},
		{"the body of PATCH before If-Match", "PATCH", live, "[]", stale, 400, "invalid_json"},
		{"action before If-Match", "POST", live + "/process", `{"action":"fly"}`, stale, 400, "invalid_action"},
		{"If-Match before parent", "PUT", comment, orphan, stale, 412, "version_mismatch"},
		{"If-Match before parent syntax", "PATCH", comment, `{"parentUid":5}`, stale, 412, "version_mismatch"},
		{"parent last", "PUT", comment, orphan, set("If-Match", "1"), 409, "parent_not_found"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			for _, version := range []string{auth.V1, auth.V2} {
				u.signing(version).call(row.method, row.path, row.body, row.change).fails(row.status, row.code)
			}
		})
	}
}
