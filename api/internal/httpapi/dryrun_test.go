package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

// dry is the same request as a dry run.
func (u user) dry(method, path, body string, changes ...header) answer {
	u.t.Helper()
	return u.call(method, path+"?dryRun=true", body, changes...)
}

func TestADryRunAnswersAsTheWriteAndStoresNothing(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		created := u.body(e, `"uid":"`+someUID+`"`)
		pushed := `{"items":[` + u.pushable(e, 7, "1000", "") + `]}`
		writes := [][3]string{{"POST", path(e), created}, {"POST", syncPath(e, "push"), pushed}}
		for i := range conditional(t, e, "") {
			writes = append(writes, conditional(t, e, path(e)+"/"+u.has(e, `"tags":["a"]`).UID)[i])
		}
		for i, row := range writes {
			before := u.everything()
			key := keyed(fmt.Sprint("k", i))
			tried := u.dry(row[0], row[1], row[2], key)
			if tried.status/100 != 2 || tried.header.Get("X-Change-Id") != "" {
				t.Fatalf("%s: %d %s %s", tried.request, tried.status, tried.header, tried.body)
			}
			if after := u.everything(); after != before {
				t.Errorf("%s wrote: %s", tried.request, after)
			}
			made := u.call(row[0], row[1], row[2], key).is(tried.status)
			if string(made.body) != string(tried.body) || made.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("%s: tried %s\nmade %s", tried.request, tried.body, made.body)
			}
			if id := made.header.Get("X-Change-Id"); id == "" {
				t.Errorf("%s: no change", made.request)
			}
		}
	})
}

func TestADryRunFailsAsTheWriteDoes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(a *httpapi.API) { a.Items.Quota = item.Quota{Items: 2} }).user("alice")
		u.create(find("note"), 1, `"a":1`)
		u.create(find("note"), 2, `"a":1`)
		one := "/v1/notes/" + numbered(1)
		for _, row := range []struct {
			method, path, body string
			headers            []header
		}{
			{"POST", "/v1/notes", `{}`, nil},
			{"POST", "/v1/notes", `{"uid":"` + numbered(1) + `"}`, nil},
			{"POST", "/v1/comments", `{"parentType":"note","parentUid":"` + someUID + `"}`, nil},
			{"PATCH", one, `{`, nil},
			{"PATCH", one, `{}`, []header{set("If-Match", "7")}},
			{"DELETE", "/v1/notes/" + someUID, "", nil},
			{"POST", one + "/process", `{"action":"fly"}`, nil},
			{"POST", "/v1/batch", `{"operations":[{"op":"create","kind":"note","payload":{}}]}`, nil},
			{"POST", "/v1/sync/wipe", `{"confirm":"YES"}`, nil},
		} {
			id := set("X-Correlation-Id", "same")
			real := u.call(row.method, row.path, row.body, append(row.headers, id)...)
			tried := u.dry(row.method, row.path, row.body, append(row.headers, id)...)
			if real.status < 400 || string(tried.body) != string(real.body) {
				t.Errorf("%s %s: tried %s\nreal %s", row.method, row.path, tried.body, real.body)
			}
		}
	})
}

func TestADryBatchAnswersWithoutIDsOfChanges(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.create(find("note"), 1, `"tags":["a"]`)
		before := u.everything()
		operations := `{"op":"create","kind":"task","uid":"` + numbered(9) + `","payload":{}},{"op":"archive","kind":"task","uid":"$1"},{"op":"archive","kind":"note","where":{"tag":"a"}}`
		inBody := u.call("POST", "/v1/batch", `{"dryRun":true,"operations":[`+operations+`]}`, keyed("k")).is(200)
		inQuery := u.dry("POST", "/v1/batch", `{"operations":[`+operations+`]}`, keyed("k")).is(200)
		if string(inBody.body) != string(inQuery.body) || strings.Contains(string(inBody.body), "_id") || inBody.header.Get("X-Change-Id") != "" {
			t.Errorf("%s\n%s", inBody.body, inQuery.body)
		}
		if got := inBody.outcomes().Results; got[1].Version != 2 || !got[1].Changed || *got[2].Matched != 1 || got[2].Items[0].Version != 2 {
			t.Errorf("%s", inBody.body)
		}
		if after := u.everything(); after != before {
			t.Errorf("it wrote %s", after)
		}
		if got := u.batch(operations, keyed("k")).outcomes(); got.BatchID != "b2" {
			t.Errorf("the batch is %s", got.BatchID)
		}
	})
}

func TestADryWipeCountsAndDeletesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, e := range entity.Table {
			u.has(e, "")
		}
		u.call("DELETE", "/v1/notes/"+u.has(find("note"), "").UID, "").is(200)
		before := u.everything()
		session := u.call("POST", "/v1/sync/sessions", "").is(201)
		id := set("X-Sync-Session", session.json()["id"].(string))
		tried := u.dry("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`, id).is(200)
		if u.everything() != before {
			t.Error("it deleted")
		}
		u.call("GET", "/v1/notes", "", id, set("X-Sync-Epoch", "1")).is(200)
		if made := u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`, id).is(200); string(made.body) != string(tried.body) {
			t.Errorf("tried %s\nmade %s", tried.body, made.body)
		}
	})
}

func TestATrialThatIsAskedForInTheWrongPlaceIsNoWrite(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	kept := "/v1/notes/" + u.has(find("note"), "").UID
	for _, value := range []string{"true", "false", "null"} {
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE","dryRun":`+value+`}`).fails(400, "invalid_json").
			says(`invalid JSON: unknown member "dryRun"; there is confirm or dryRun=true in the query`)
		u.call("POST", "/v1/sync/notes/push", `{"items":[{"uid":"`+someUID+`"}],"dryRun":`+value+`}`).fails(400, "invalid_json").
			says(`invalid JSON: unknown member "dryRun"; there is items or dryRun=true in the query`)
		for _, call := range [][2]string{{"DELETE", kept}, {"POST", kept + "/archive"}} {
			u.call(call[0], call[1], `{"dryRun":`+value+`}`).fails(400, "invalid_json").
				says(`invalid JSON: unknown member "dryRun"; there is dryRun=true in the query`)
		}
	}
	if got := u.call("GET", kept, "").is(200).item(); got.Version != 1 {
		t.Errorf("version %d", got.Version)
	}
	u.call("GET", "/v1/notes/"+someUID, "").fails(404, "not_found")
}

func TestUnknownParametersAndMembersAreRefusedByName(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for _, e := range entity.Table {
		one := path(e) + "/" + u.has(e, "").UID
		calls := append([][3]string{{"GET", path(e), ""}, {"GET", one, ""}, {"POST", path(e), "{}"}, {"POST", syncPath(e, "push"), `{"items":[]}`}}, conditional(t, e, one)...)
		for _, call := range append(calls, [3]string{"POST", "/v1/batch", "{}"}, [3]string{"POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`}) {
			for _, name := range []string{"dryrun", "Limit", strings.Repeat("x", 500)} {
				got := u.call(call[0], call[1]+"?"+name+"=true", call[2]).fails(400, "invalid_query")
				if got.detail("field") != name[:min(len(name), 100)] {
					t.Errorf("%s: %s", got.request, got.body)
				}
			}
			if call[0] == "GET" {
				u.call(call[0], call[1]+"?dryRun=true", "").fails(400, "invalid_query")
				continue
			}
			for _, value := range []string{"", "1", "True", "yes", "true&dryRun=true"} {
				u.call(call[0], call[1]+"?dryRun="+value, call[2]).fails(400, "invalid_query")
			}
		}
		u.call("DELETE", one+"?dryRun=false", "").is(200)
	}
	u.call("GET", "/v1/sync/notes/pull?unknown=1", "").is(200)
	u.call("GET", "/v1/sync/state?unknown=1", "").is(200)
}
