package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/limit"
)

// outcome is a result of a batch.
type outcome struct {
	Op, Kind, UID string
	Version       int64
	ChangeID      string `json:"change_id"`
	Changed       bool
	Matched       *int
	Items         []outcome
}

// outcomes are the answer to a batch.
type outcomes struct {
	BatchID string `json:"batch_id"`
	Results []outcome
}

func (u user) batch(operations string, changes ...header) answer {
	u.t.Helper()
	return u.call("POST", "/v1/batch", `{"operations":[`+operations+`]}`, changes...)
}

func (a answer) outcomes() (all outcomes) {
	a.t.Helper()
	if err := json.Unmarshal(a.is(200).body, &all); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return all
}

// everything is all that a user has of an entity, tombstones included.
func (u user) everything() (all string) {
	u.t.Helper()
	for _, e := range entity.Table {
		all += string(u.call("GET", path(e)+"?includeDeleted=true", "").is(200).body)
	}
	return all
}

// nextChange is the id of a change that this makes, and so tells of all before it.
func (u user) nextChange() string {
	u.t.Helper()
	return u.call("POST", "/v1/notes", `{"title":"next"}`).is(201).header.Get("X-Change-Id")
}

func TestABatchMakesItsOperationsInOrder(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		task, chat := u.has(find("task"), `"title":"a","tags":["shop"]`), u.has(find("chat"), `"title":"b"`)
		got := u.batch(`
			{"op":"create","kind":"note","payload":{"title":"Milk","uid":"` + strings.ToUpper(numbered(1)) + `"}},
			{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$1","content":"two"}},
			{"op":"patch","kind":"note","uid":"$1","ifMatch":1,"payload":{"n":1.10}},
			{"op":"replace","kind":"task","uid":"` + task.UID + `","ifMatch":"1","payload":{"title":"c"}},
			{"op":"process","kind":"task","uid":"` + strings.ReplaceAll(task.UID, "-", "") + `","action":"complete","metadata":{"why":1}},
			{"op":"archive","kind":"note","uid":"$1"},
			{"op":"archive","kind":"note","uid":"$1"},
			{"op":"delete","kind":"chat","uid":"` + chat.UID + `"},
			{"op":"create","kind":"chat","uid":"` + numbered(2) + `","payload":{}},
			{"op":"create","kind":"chat_message","payload":{"chatUid":"$9"}}`)
		all := got.outcomes()
		want := []outcome{
			{Op: "create", Kind: "note", UID: numbered(1), Version: 1, ChangeID: "c3", Changed: true},
			{Op: "create", Kind: "comment", UID: all.Results[1].UID, Version: 1, ChangeID: "c4", Changed: true},
			{Op: "patch", Kind: "note", UID: numbered(1), Version: 2, ChangeID: "c5", Changed: true},
			{Op: "replace", Kind: "task", UID: task.UID, Version: 2, ChangeID: "c6", Changed: true},
			{Op: "process", Kind: "task", UID: task.UID, Version: 3, ChangeID: "c7", Changed: true},
			{Op: "archive", Kind: "note", UID: numbered(1), Version: 3, ChangeID: "c8", Changed: true},
			{Op: "archive", Kind: "note", UID: numbered(1), Version: 3},
			{Op: "delete", Kind: "chat", UID: chat.UID, Version: 2, ChangeID: "c9", Changed: true},
			{Op: "create", Kind: "chat", UID: numbered(2), Version: 1, ChangeID: "c10", Changed: true},
			{Op: "create", Kind: "chat_message", UID: all.Results[9].UID, Version: 1, ChangeID: "c11", Changed: true},
		}
		if fmt.Sprint(all.Results) != fmt.Sprint(want) || all.BatchID != "b3" || got.header.Get("X-Change-Id") != "b3" {
			t.Errorf("%s\nwant %+v", got.body, want)
		}
		note := u.call("GET", "/v1/notes/"+numbered(1), "").is(200)
		if !strings.Contains(string(note.body), `"n":1.10`) || note.item().Payload["status"] != "archived" {
			t.Errorf("%s", note.body)
		}
		if got := u.call("GET", "/v1/comments?parentUid="+numbered(1), "").page(); len(got.Items) != 1 || got.Items[0].UID != want[1].UID {
			t.Errorf("comments %+v", got)
		}
		if got := u.call("GET", "/v1/tasks/"+task.UID, "").is(200).item(); got.Payload["title"] != "c" || got.Payload["status"] != "completed" || got.Payload["tags"] != nil {
			t.Errorf("%+v", got)
		}
		u.call("GET", "/v1/chats/"+chat.UID, "").fails(410, "deleted")
		if next := u.nextChange(); next != "c12" {
			t.Errorf("the next change is %s", next)
		}
	})
}

func TestABatchEditsTextsAndTags(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for n := range 3 {
			u.create(find("note"), n+1, `"content":"call Anna","tags":["old","x"]`)
		}
		const operations = `
			{"op":"create","kind":"task","payload":{"description":"one\ntwo"}},
			{"op":"edit","kind":"task","uid":"$1","edits":[{"find":"two","replace":"2"}],"append":"three"},
			{"op":"edit","kind":"task","uid":"$1","edits":[{"find":"2\nthree","replace":"2\n3"}]},
			{"op":"edit","kind":"note","where":{"tag":"old"},"edits":[{"find":"Anna","replace":"Ann"}]},
			{"op":"tags","kind":"note","where":{"tag":"old"},"add":["new"],"remove":["old"]}`
		dry := u.call("POST", "/v1/batch?dryRun=true", `{"operations":[`+operations+`]}`).is(200).outcomes()
		all := u.batch(operations).outcomes()
		if len(dry.Results) != 5 || len(all.Results[4].Items) != 3 || all.Results[2].Version != 3 {
			t.Errorf("%+v", all)
		}
		if got := u.call("GET", "/v1/tasks/"+all.Results[0].UID, "").is(200).item(); got.Payload["description"] != "one\n2\n3" {
			t.Errorf("%+v", got)
		}
		for n := range 3 {
			if got := u.call("GET", "/v1/notes/"+numbered(n+1), "").is(200).item(); got.Payload["content"] != "call Ann" || fmt.Sprint(got.Payload["tags"]) != "[x new]" || got.Version != 3 {
				t.Errorf("%+v", got)
			}
		}
		got := u.batch(`{"op":"archive","kind":"note","uid":"`+numbered(1)+`"},{"op":"edit","kind":"note","uid":"`+numbered(2)+`","edits":[{"find":"CALL","replace":"x"}]}`).fails(409, "edit_mismatch")
		got.says("operation 2: edits[0].find occurs nowhere in content, not once, but it does apart from case; send it as details.nearest has it")
		if got.detail("index") != 2.0 || got.detail("uid") != numbered(2) || fmt.Sprint(got.detail("nearest")) != "[map[line:1 text:call Ann]]" {
			t.Errorf("%s", got.body)
		}
	})
}

// wrongOperations are wrong, each in its own way, with what is said of them.
var wrongOperations = []struct {
	operation, code, field string
	status                 int
}{
	{`{"op":"patch","kind":"note","uid":"` + someUID + `","payload":{}}`, "not_found", "", 404},
	{`{"op":"patch","kind":"note","uid":"$1","ifMatch":2,"payload":{}}`, "version_mismatch", "", 412},
	{`{"op":"patch","kind":"note","uid":"$1","ifMatch":"x","payload":{}}`, "invalid_if_match", "ifMatch", 400},
	{`{"op":"patch","kind":"note","uid":"$1","ifMatch":null,"payload":{}}`, "invalid_if_match", "ifMatch", 400},
	{`{"op":"patch","kind":"note","uid":"$1","ifmatch":1,"payload":{}}`, "invalid_json", "ifmatch", 400},
	{`{"op":"patch","kind":"note","uid":"$1","payload":[]}`, "invalid_json", "", 400},
	{`{"op":"patch","kind":"note","uid":"$1","payload":{"t":"\u0000"}}`, "invalid_json", "t", 400},
	{`{"op":"patch","kind":"note","uid":"$1"}`, "invalid_operation", "payload", 400},
	{`{"op":"patch","kind":"task","uid":"$2","payload":{"dueDate":"soon"}}`, "invalid_field", "dueDate", 422},
	{`{"op":"patch","kind":"note","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"edit","kind":"note","uid":"$1","edits":[{"find":"x","replace":"y"}]}`, "edit_mismatch", "content", 409},
	{`{"op":"edit","kind":"note","uid":"$1","append":"x","heading":"A"}`, "edit_mismatch", "content", 409},
	{`{"op":"edit","kind":"note","uid":"$1","field":"uid","append":"x"}`, "invalid_field", "uid", 422},
	{`{"op":"edit","kind":"note","uid":"$1"}`, "invalid_field", "edits", 422},
	{`{"op":"edit","kind":"note","uid":"$1","edits":[{"find":5,"replace":"y"}]}`, "invalid_json", "edits[0].find", 400},
	{`{"op":"edit","kind":"note","uid":"$1","append":"x","text":"y"}`, "invalid_json", "text", 400},
	{`{"op":"tags","kind":"note","uid":"$1","add":["x"],"remove":["x"]}`, "invalid_field", "add", 422},
	{`{"op":"tags","kind":"note","uid":"$1","ifMatch":2,"add":["x"]}`, "version_mismatch", "", 412},
	{`{"op":"patch","kind":"note","uid":5,"payload":{}}`, "invalid_uid", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$57","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$99","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$0","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$01","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$2","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$3","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"patch","kind":"note","uid":"$1","where":{"tag":"x"},"payload":{}}`, "invalid_operation", "where", 400},
	{`{"op":"patch","kind":"note","where":{},"payload":{}}`, "invalid_operation", "where", 400},
	{`{"op":"patch","kind":"note","where":null,"payload":{}}`, "invalid_operation", "where", 400},
	{`{"op":"patch","kind":"note","where":{"chatUid":"x"},"payload":{}}`, "invalid_filter", "chatUid", 400},
	{`{"op":"patch","kind":"note","where":{"colour":"x"},"payload":{}}`, "invalid_filter", "colour", 400},
	{`{"op":"patch","kind":"note","where":{"tag":{}},"payload":{}}`, "invalid_filter", "tag", 400},
	{`{"op":"patch","kind":"note","where":{"archived":"maybe"},"payload":{}}`, "invalid_filter", "archived", 400},
	{`{"op":"patch","kind":"note","where":{"tag":"x"},"ifMatch":1,"payload":{}}`, "invalid_operation", "ifMatch", 400},
	{`{"op":"patch","kind":"note","where":{"tag":"x"},"atMost":0,"payload":{}}`, "invalid_operation", "atMost", 400},
	{`{"op":"patch","kind":"note","where":{"tag":"x"},"atMost":1001,"payload":{}}`, "invalid_operation", "atMost", 400},
	{`{"op":"patch","kind":"note","uid":"$1","atMost":1,"payload":{}}`, "invalid_operation", "atMost", 400},
	{`{"op":"patch","kind":"note","where":{"tag":"many"},"atMost":49,"payload":{}}`, "too_many_matches", "", 409},
	{`{"op":"create","kind":"note","uid":"` + numbered(1) + `","payload":{}}`, "uid_exists", "", 409},
	{`{"op":"create","kind":"note","uid":"x","payload":{}}`, "invalid_operation", "uid", 400},
	{`{"op":"create","kind":"note","where":{"tag":"x"},"payload":{}}`, "invalid_json", "where", 400},
	{`{"op":"create","kind":"comment","payload":{"parentType":"note"}}`, "invalid_field", "parentUid", 422},
	{`{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$2"}}`, "parent_not_found", "parentUid", 409},
	{`{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$58"}}`, "invalid_operation", "parentUid", 400},
	{`{"op":"process","kind":"note","uid":"$1","action":"fly"}`, "invalid_action", "", 400},
	{`{"op":"process","kind":"note","uid":"$1","action":"pin","metadata":1}`, "invalid_json", "metadata", 400},
	{`{"op":"process","kind":"note","uid":"$1","payload":{}}`, "invalid_json", "payload", 400},
	{`{"op":"delete","kind":"note","uid":"` + numbered(2) + `"}`, "deleted", "", 410},
	{`{"op":"fly","kind":"note"}`, "invalid_operation", "op", 400},
	{`{"op":"delete","kind":"notes","uid":"$1"}`, "invalid_operation", "kind", 400},
	{`{}`, "invalid_operation", "op", 400},
	{`5`, "invalid_json", "", 400},
	{`null`, "invalid_json", "", 400},
}

func TestABatchWithAWrongOperationWritesNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.create(find("note"), 1, `"a":1`)
		u.create(find("note"), 2, `"a":1`)
		u.call("DELETE", "/v1/notes/"+numbered(2), "").is(200)
		before := u.everything()
		good := []string{`{"op":"create","kind":"note","payload":{"tags":["many"]}}`, `{"op":"create","kind":"task","payload":{}}`, `{"op":"patch","kind":"note","uid":"` + numbered(1) + `","payload":{"n":1}}`}
		for len(good) < 56 {
			good = append(good, `{"op":"create","kind":"note","payload":{"tags":["many"]}}`)
		}
		for _, row := range wrongOperations {
			operations := append(append([]string{}, good...), row.operation)
			for len(operations) < 100 {
				operations = append(operations, `{"op":"create","kind":"note","payload":{"title":"later"}}`)
			}
			got := u.batch(strings.Join(operations, ","), keyed("k")).fails(row.status, row.code)
			if got.detail("index") != 57.0 || !strings.HasPrefix(got.json()["error"].(string), "operation 57: ") {
				t.Errorf("%s: %s", row.operation, got.body)
			}
			if field := got.detail("field"); row.field != "" && field != row.field {
				t.Errorf("%s: field %v: %s", row.operation, field, got.body)
			}
			if got.header.Get("X-Change-Id") != "" {
				t.Errorf("%s: has a change", row.operation)
			}
		}
		if after := u.everything(); after != before {
			t.Errorf("before %s\nafter  %s", before, after)
		}
		if got := u.batch(good[0], keyed("k")).outcomes(); got.BatchID != "b4" {
			t.Errorf("the next batch is %s", got.BatchID)
		}
	})
}

func TestWhatFailsInABatchIsNamed(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	u.create(find("note"), 1, `"tags":["a"]`)
	got := u.batch(`{"op":"create","kind":"note","payload":{}},{"op":"patch","kind":"note","uid":"` + numbered(1) + `","ifMatch":3,"payload":{}}`)
	want := `{"actual":1,"changes":[],"expected":3,"index":2,"kind":"note","op":"patch","uid":"` + numbered(1) + `"}`
	if details, _ := json.Marshal(got.fails(412, "version_mismatch").json()["details"]); string(details) != want {
		t.Errorf("details %s", details)
	}
	got.says("operation 2: version mismatch: expected 3, actual 1; read the item again")
	u.call("DELETE", "/v1/notes/"+numbered(1), "").is(200)
	got = u.batch(`{"op":"patch","kind":"note","uid":"`+numbered(1)+`","payload":{}}`).fails(410, "deleted")
	if got.json()["deletedAt"] == nil {
		t.Errorf("%s", got.body)
	}
	for _, row := range []struct {
		body, code, field string
		status            int
	}{
		{``, "invalid_json", "body", 400}, {`[]`, "invalid_json", "body", 400}, {`null`, "invalid_json", "body", 400}, {"\xff", "invalid_json", "body", 400},
		{`{}`, "invalid_json", "operations", 400}, {`{"operations":[]}`, "invalid_json", "operations", 400}, {`{"operations":{}}`, "invalid_json", "operations", 400},
		{`{"operations":[{"op":"create","kind":"note","payload":{}}],"dryrun":true}`, "invalid_json", "dryrun", 400},
		{`{"operations":[{"op":"create","kind":"note","payload":{}}],"dryRun":"true"}`, "invalid_json", "dryRun", 400},
		{`{"operations":[` + strings.Repeat(`{"op":"create","kind":"note","payload":{}},`, 100) + `5]}`, "batch_too_large", "", 413},
	} {
		got := u.call("POST", "/v1/batch", row.body).fails(row.status, row.code)
		if field := got.detail("field"); row.field != "" && field != row.field {
			t.Errorf("%.100s: %s", row.body, got.body)
		}
	}
	if next := u.nextChange(); next != "c3" {
		t.Errorf("the next change is %s", next)
	}
}

func TestABatchChangesEveryItemThatMatches(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		bob := u.process.user("bob")
		bob.create(find("note"), 1, `"tags":["old"]`)
		for n := 1; n <= 4; n++ {
			u.create(find("note"), n, `"tags":["old"],"status":"open"`)
		}
		u.call("DELETE", "/v1/notes/"+numbered(4), "").is(200)
		got := u.batch(`
			{"op":"create","kind":"note","payload":{"uid":"` + numbered(5) + `","tags":["old"]}},
			{"op":"patch","kind":"note","uid":"` + numbered(2) + `","payload":{"tags":["old","new"]}},
			{"op":"patch","kind":"note","where":{"tag":"old"},"atMost":4,"payload":{"tags":["new"]}},
			{"op":"patch","kind":"note","where":{"tag":"old"},"payload":{"tags":["x"]}},
			{"op":"patch","kind":"note","where":{"tag":"new"},"payload":{"tags":["new"]}},
			{"op":"archive","kind":"note","where":{"tag":"new","status":["open"],"archived":false}},
			{"op":"create","kind":"comment","payload":{"parentType":"note","parentUid":"$1"}},
			{"op":"delete","kind":"comment","where":{"parentUid":"$1"},"atMost":1}`)
		all := got.outcomes()
		items := func(i int) string {
			text := fmt.Sprint(*all.Results[i].Matched)
			for _, one := range all.Results[i].Items {
				text += fmt.Sprintf(" %s:%d:%s:%v", strings.TrimLeft(one.UID[24:], "0"), one.Version, one.ChangeID, one.Changed)
			}
			return text
		}
		for i, want := range map[int]string{
			2: "4 1:2:c8:true 3:2:c9:true 2:3:c10:true 5:2:c11:true", 3: "0",
			4: "4 1:2::false 2:3::false 3:2::false 5:2::false", 5: "3 1:3:c12:true 2:4:c13:true 3:3:c14:true", 7: "1",
		} {
			if got := items(i); got != want && !(i == 7 && strings.HasPrefix(got, "1 ")) {
				t.Errorf("operation %d: %s, want %s", i+1, got, want)
			}
		}
		if got := bob.call("GET", "/v1/notes/"+numbered(1), "").is(200).item(); got.Version != 1 {
			t.Errorf("bob's note %+v", got)
		}
		u.create(find("note"), 6, `"tags":["a,b"]`)
		u.create(find("note"), 7, `"tags":["a"]`)
		commas := u.batch(`{"op":"archive","kind":"note","where":{"tag":["a,b"]}},{"op":"patch","kind":"note","where":{"tag":"a,b"},"payload":{"n":1}}`).outcomes()
		if *commas.Results[0].Matched != 1 || commas.Results[0].Items[0].UID != numbered(6) || *commas.Results[1].Matched != 1 || commas.Results[1].Items[0].UID != numbered(7) {
			t.Errorf("%+v", commas)
		}
		refused := u.batch(`{"op":"delete","kind":"note","where":{"tag":"new"},"atMost":3}`).fails(409, "too_many_matches")
		if refused.detail("matched") != 4.0 || refused.detail("more") != false || refused.detail("atMost") != 3.0 {
			t.Errorf("%s", refused.body)
		}
	})
}

func TestABatchChangesAThousandItemsAtMost(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(a *httpapi.API) { a.Items.MaxPushItems = 2000 }).user("alice")
		var items []string
		for n := range 1000 {
			items = append(items, fmt.Sprintf(`{"uid":"%s","tags":["a"]}`, numbered(n+1)))
		}
		u.call("POST", "/v1/sync/notes/push", `{"items":[`+strings.Join(items, ",")+`]}`).is(200)
		all := `{"op":"archive","kind":"note","where":{"tag":"a"},"atMost":1000}`
		u.batch(`{"op":"create","kind":"task","payload":{}},`+all).fails(413, "batch_too_large")
		first := u.batch(all, keyed("all"))
		if got := first.outcomes(); len(got.Results[0].Items) != 1000 || *got.Results[0].Matched != 1000 {
			t.Errorf("%d items", len(got.Results[0].Items))
		}
		u.batch(all, keyed("all")).repeats(first)
	})
}

func TestABatchWithAKeyHappensOnce(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.create(find("task"), 1, `"tags":["a"]`)
		many := `{"op":"delete","kind":"task","uid":"` + numbered(1) + `"},{"op":"archive","kind":"note","where":{"tag":"none"}}` +
			strings.Repeat(`,{"op":"create","kind":"note","payload":{}}`, 98)
		first := u.batch(many, keyed("k"))
		if len(first.outcomes().Results) != 100 {
			t.Fatalf("%s", first.body)
		}
		before := u.everything()
		for range 2 {
			again := u.batch(many, keyed("k"))
			again.repeats(first)
			if again.header.Get("X-Change-Id") != "" {
				t.Error("the repeated answer names a change")
			}
		}
		if u.everything() != before {
			t.Error("the repeated batch wrote")
		}
		u.batch(many+" ", keyed("k")).fails(422, "idempotency_key_reused")
		u.call("POST", "/v1/notes", `{}`, keyed("k")).fails(422, "idempotency_key_reused")
		u.call("POST", "/v1/notes", `{}`, keyed("single")).is(201)
		u.batch(many, keyed("single")).fails(422, "idempotency_key_reused")
		nothing := u.batch(`{"op":"archive","kind":"note","where":{"tag":"none"}}`, keyed("nothing"))
		if got := nothing.outcomes(); got.BatchID != "" || *got.Results[0].Matched != 0 || nothing.header.Get("X-Change-Id") != "" {
			t.Errorf("%s", nothing.body)
		}
		u.batch(`{"op":"archive","kind":"note","where":{"tag":"none"}}`, keyed("nothing")).repeats(nothing)
	})
}

func TestParallelBatchesOverTheSameItemsWaitForEachOther(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		twin := u.on(u.twin())
		for n := 1; n <= 20; n++ {
			u.create(find("note"), n, `"tags":["a"]`)
		}
		operations := func(n int) string {
			forth, back := []string{}, []string{}
			for i := 1; i <= 20; i++ {
				operation := fmt.Sprintf(`{"op":"patch","kind":"note","uid":"%s","payload":{"by":%d}}`, numbered(i), n)
				forth, back = append(forth, operation), append([]string{operation}, back...)
			}
			if n%2 == 0 {
				return strings.Join(forth, ",")
			}
			return strings.Join(back, ",")
		}
		statuses := u.atOnce(20, func(u user, n int) answer {
			if n%4 > 1 {
				u = twin.within(u.t)
			}
			return u.batch(operations(n))
		})
		if len(statuses) != 1 || statuses[200] != 20 {
			t.Errorf("statuses %v", statuses)
		}
		writers := map[any]bool{}
		for n := 1; n <= 20; n++ {
			got := u.call("GET", "/v1/notes/"+numbered(n), "").is(200).item()
			writers[got.Payload["by"]] = true
			if got.Version != 21 {
				t.Errorf("note %d has version %d", n, got.Version)
			}
		}
		if len(writers) != 1 {
			t.Errorf("the notes are of the batches %v", writers)
		}
	})
}

func TestABatchCountsAsTheWritesThatItMakes(t *testing.T) {
	t.Parallel()
	u := start(t, func(a *httpapi.API) {
		a.Limits = httpapi.NewLimits(plenty, limit.Rate{PerMinute: 60, Burst: 10}, plenty)
	}).user("alice")
	four := strings.Repeat(`{"op":"create","kind":"note","payload":{"tags":["a"]}},`, 3) + `{"op":"create","kind":"note","payload":{"tags":["a"]}}`
	if got := u.batch(four).is(200).header.Get("X-RateLimit-Remaining"); got != "6" {
		t.Errorf("%s left after 4 operations", got)
	}
	if got := u.call("POST", "/v1/batch?dryRun=true", `{"operations":[`+four+`]}`).is(200).header.Get("X-RateLimit-Remaining"); got != "2" {
		t.Errorf("%s left after a dry run", got)
	}
	u.batch(`{"op":"archive","kind":"note","where":{"tag":"a"}},{"op":"delete","kind":"note","where":{"tag":"a"}}`).is(200) // 8 writes
	if got := u.batch(four).fails(429, "rate_limited").header.Get("Retry-After"); got != "7" {
		t.Errorf("wait %s s", got)
	}
	u.clock.advance(7e9)
	u.batch(`{"op":"create","kind":"note","payload":{}}`).is(200)
}

func TestABatchKeepsTheQuota(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, func(a *httpapi.API) { a.Items.Quota = item.Quota{Items: 3} }).user("alice")
		one := `{"op":"create","kind":"note","payload":{}}`
		got := u.batch(one+","+one+","+one+","+one).fails(507, "quota_exceeded")
		if got.detail("index") != 4.0 || got.detail("used") != 3.0 {
			t.Errorf("%s", got.body)
		}
		u.batch(one + "," + one + `,{"op":"delete","kind":"note","uid":"$1"},` + one + "," + one).is(200)
		u.batch(one).fails(507, "quota_exceeded")
	})
}

func TestABatchSaysWhatChanged(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.create(find("note"), 1, `"title":"Milk","tags":["a"]`)
		u.create(find("note"), 2, `"title":"Bread","tags":["a"]`)
		got := u.batch(`{"op":"create","kind":"task","uid":"`+numbered(3)+`","payload":{"title":"T"}},
			{"op":"patch","kind":"note","uid":"`+numbered(1)+`","payload":{"title":"Milk"}},
			{"op":"patch","kind":"note","where":{"tag":"a"},"payload":{"title":"Milk"}},
			{"op":"delete","kind":"task","uid":"$1"},
			{"op":"restore","kind":"task","uid":"$1"}`, keyed("k")).is(200)
		var all struct {
			Results []struct {
				written
				Items []written
			}
		}
		got.into(&all)
		r := all.Results
		if r[0].Change != "created" || fmt.Sprint(r[0].Fields) != "[title uid]" || r[1].Change != "" || r[1].Fields != nil ||
			r[2].Items[0].Change != "" || r[2].Items[1].Change != "updated" || fmt.Sprint(r[2].Items[1].Fields) != "[title]" ||
			r[3].Change != "deleted" || r[3].Fields == nil || len(r[3].Fields) != 0 || r[4].Change != "restored" {
			t.Errorf("%s", got.body)
		}
		u.batch(`{"op":"create","kind":"task","uid":"`+numbered(3)+`","payload":{"title":"T"}}`, keyed("k")).fails(422, "idempotency_key_reused")
	})
}

func TestTheNamesOfFieldsInTheAnswerToABatchAreBounded(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	var operations []string
	for i := range 100 {
		keys := make([]string, 30)
		for n := range keys {
			keys[n] = fmt.Sprintf(`"%s%d":1`, strings.Repeat("k", 30), n)
		}
		operations = append(operations, fmt.Sprintf(`{"op":"create","kind":"note","uid":"%s","payload":{%s}}`, numbered(i), strings.Join(keys, ",")))
	}
	got := u.batch(strings.Join(operations, ",")).is(200)
	var all struct{ Results []written }
	got.into(&all)
	if first, last := all.Results[0], all.Results[99]; len(got.body) > 100_000 || len(first.Fields) < 30 || last.Change != "created" || last.Fields != nil {
		t.Errorf("%d bytes, %+v, %+v", len(got.body), first, last)
	}
}
