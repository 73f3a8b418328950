package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/limit"
)

func TestInfoIsOpenAndTellsWhatThisAPIOffers(t *testing.T) {
	t.Parallel()
	p := limitedTo(t, limit.Rate{PerMinute: 600, Burst: 120}, limit.Rate{PerMinute: 300, Burst: 60}, limit.Rate{})
	got := p.send("GET", "/v1/sync/info", "", nil).is(200).json()
	text, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct{ Entities json.RawMessage }
	if err := json.Unmarshal(text, &contract); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	err = json.Unmarshal([]byte(`{"apiVersion":"1.1","serverTime":"2026-11-20T06:15:34.04Z","entities":`+string(contract.Entities)+`,
		"locking":{"supported":true,"mode":"session"},"minClientVersion":"0.1.0",
		"rateLimit":{"windowSeconds":60,"maxRequests":300,"burst":60,
			"reads":{"windowSeconds":60,"maxRequests":600,"burst":120},
			"writes":{"windowSeconds":60,"maxRequests":300,"burst":60}},
		"hints":{"recommendedBatch":100,"backoffMsOn429":1500},
		"idempotency":{"header":"Idempotency-Key","keepSeconds":86400},"sessions":{"lifetimeSeconds":1800,"inBand":"new"},"deadlines":true,"limits":{"maxBodyBytes":1048576,"maxPushItems":100,"maxStringBytes":1048576,"maxKeyBytes":1024},"journal":{"historyDays":30,"auditDays":365}}`), &want)
	if err != nil {
		t.Fatal(err)
	}
	features, batch := fmt.Sprint(got["features"]), fmt.Sprint(got["batch"])
	if !strings.Contains(features, "lists") || !strings.Contains(features, "batch") || !strings.HasPrefix(batch, "map[maxItems:1000 maxOperations:100 operations:[create ") {
		t.Errorf("features %s, batch %s", features, batch)
	}
	equal(t, "signatures", got["signatures"], any(map[string]any{"versions": []any{"v1", "v2"}, "process": p.gate.Process(), "keys": []any{"default"}}))
	delete(got, "signatures")
	delete(got, "features")
	delete(got, "batch")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestAWipeTakesEverythingOfOneUser(t *testing.T) {
	t.Parallel()
	p := start(t)
	alice, bob := p.user("alice"), p.user("bob")
	theirs := map[string]string{}
	for _, e := range entity.Table {
		alice.has(e, "")
		theirs[path(e)+"/"+bob.has(e, "").UID] = e.Word()
	}
	gone := alice.has(find("note"), "")
	alice.call("DELETE", "/v1/notes/"+gone.UID, "").is(200)
	session, bobs := alice.opens(), bob.opens()

	wiped := alice.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE","mode":"any"}`, in(session, "1")).is(200).json()
	counts, want, none := map[string]float64{"note": 1}, map[string]any{}, map[string]any{} // a tombstone
	for _, e := range entity.Table {
		for counts[string(e.Kind)]++; e.Parent != nil; { // each came with its parent
			e = find(e.Parent.Kinds[0])
			counts[string(e.Kind)]++
		}
	}
	for kind, count := range counts {
		want[kind], none[kind] = count, 0.0
	}
	if !reflect.DeepEqual(wiped["deleted"], want) || wiped["epoch"] != 2.0 {
		t.Errorf("wiped %v", wiped)
	}
	alice.call("GET", "/v1/notes", "", in(session, "2")).fails(428, "session_invalid")
	alice.call("GET", "/v1/notes", "", in(alice.opens(), "1")).fails(409, "epoch_mismatch")
	for _, e := range entity.Table {
		list := alice.call("GET", path(e)+"?includeDeleted=true", "", in(alice.opens(), "2")).is(200)
		if string(list.body) != `{"items":[]}` {
			t.Errorf("%s left: %s", e.Kind, list.body)
		}
	}
	for path := range theirs {
		bob.call("GET", path, "", in(bobs, "1")).is(200)
	}
	again := alice.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
	if !reflect.DeepEqual(again.json()["deleted"], none) || again.json()["epoch"] != 3.0 {
		t.Errorf("wiped again %s", again.body)
	}
	if again.header.Get("X-Sync-Session") != "" || again.header.Get("X-Sync-Epoch") != "3" {
		t.Errorf("the answer announces what the wipe ended: %v", again.header)
	}
}

func TestSessionsOfTheVeryMillisecondOfAWipe(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		first := start(t)
		second := first.twin()
		u := first.user("alice")
		before := u.opens()
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		after := u.opens()
		for _, p := range []*process{first, second} {
			u.on(p).call("GET", "/v1/notes", "", in(before, "2")).fails(428, "session_invalid")
			u.on(p).call("GET", "/v1/notes", "", in(after, "2")).is(200)
			u.on(p).call("GET", "/v1/notes", "").is(200)
		}
	})
}

func TestAWipeWithoutItsWordIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	kept := u.has(find("note"), "")
	for _, row := range []struct{ name, body, code, sentence string }{
		{"another word", `{"confirm":"wipe"}`, "confirmation_required", `confirmation required: must send {"confirm":"WIPE"}`},
		{"no word", `{}`, "confirmation_required", `confirmation required: must send {"confirm":"WIPE"}`},
		{"null as the word", `{"confirm":null}`, "confirmation_required", `confirmation required: must send {"confirm":"WIPE"}`},
		{"the key in another spelling", `{"Confirm":"WIPE"}`, "confirmation_required", `confirmation required: must send {"confirm":"WIPE"}`},
		{"the word under another spelling", `{"confirm":"no","Confirm":"WIPE"}`, "confirmation_required", `confirmation required: must send {"confirm":"WIPE"}`},
		{"a number", `{"confirm":1}`, "invalid_json", "confirm must be a string"},
		{"a list", `{"confirm":["WIPE"]}`, "invalid_json", "confirm must be a string"},
		{"an empty body", ``, "invalid_json", "invalid request body"},
		{"a broken body", `{"confirm"`, "invalid_json", "invalid request body"},
		{"an array", `["WIPE"]`, "invalid_json", "invalid request body"},
		{"null", `null`, "invalid_json", "invalid request body"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			u.call("POST", "/v1/sync/wipe", row.body).fails(400, row.code).says(row.sentence)
		})
	}
	if got := u.call("POST", "/v1/sync/wipe", `{"confirm":true}`); got.detail("field") != "confirm" {
		t.Errorf("details %s", got.body)
	}
	u.call("POST", "/v1/sync/wipe", string(make([]byte, 5000))).fails(413, "body_too_large")
	u.call("GET", "/v1/notes/"+kept.UID, "").is(200)
}

func TestTheStateTellsTheEpochAndTheLastWipe(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	if got := u.call("GET", "/v1/sync/state", "").is(200); string(got.body) != `{"epoch":1,"usage":{"items":0,"bytes":0,"historyBytes":0}}` {
		t.Errorf("state %s", got.body)
	}
	u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
	for _, epoch := range []header{unset("X-Sync-Epoch"), set("X-Sync-Epoch", "1"), set("X-Sync-Epoch", "x")} {
		got := u.call("GET", "/v1/sync/state", "", set("X-Sync-Session", u.opens()), epoch).is(200).json()
		want := map[string]any{
			"epoch": 2.0, "lastWipeAt": "2026-11-20T06:15:34.04Z", "lastWipeBy": account.UserID(tenantID, "alice"),
			"usage": map[string]any{"items": 0.0, "bytes": 0.0, "historyBytes": 0.0},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("state %v", got)
		}
	}
}

func TestStateAndWipeNeedASession(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	u.call("GET", "/v1/sync/state", "", unset("X-Sync-Session")).fails(428, "session_required")
	u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`, unset("X-Sync-Session")).fails(428, "session_required")
}

func TestHealthIsTheProcessAndReadinessTheStore(t *testing.T) {
	t.Parallel()
	broken := start(t, func(api *httpapi.API) {
		api.Ready = func(context.Context) error { return errors.New("the disk is gone") }
	})
	sound := start(t)
	for _, row := range []struct {
		p      *process
		path   string
		status int
	}{{sound, "/healthz", 200}, {sound, "/readyz", 200}, {broken, "/healthz", 200}} {
		got := row.p.send("GET", row.path, "", nil).is(row.status)
		if string(got.body) != "ok" || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s %s", row.path, got.header, got.body)
		}
	}
	broken.send("GET", "/readyz", "", nil).fails(503, "unavailable").says("the store does not answer")
}

func TestOnAFullDiskTheAPIIsReadyAndSaysSo(t *testing.T) {
	t.Parallel()
	var problem error
	p := start(t, func(api *httpapi.API) { api.Ready = func(context.Context) error { return problem } })
	full := fault.New(fault.DiskFull, "the disk is full").Because(errors.New("code 13"))
	crowded := fault.New(fault.Unavailable, "the database takes no more connections right now; try again")
	for _, row := range []struct {
		problem error
		status  int
		says    string
		logs    string
	}{
		{nil, 200, "ok", ""},
		{full, 200, "degraded: the disk is full", `"msg":"store degraded","code":"disk_full","cause":"the disk is full: code 13"`},
		{full, 200, "degraded: the disk is full", ""},
		{crowded, 503, "the database takes no more connections right now; try again", `"msg":"store degraded","code":"unavailable"`},
		{nil, 200, "ok", `"msg":"store ready again"`},
	} {
		problem = row.problem
		p.clock.advance(time.Second)
		before := strings.Count(p.log.String(), `"msg":"store `)
		got := p.send("GET", "/readyz", "", nil).is(row.status)
		if row.status == 200 && string(got.body) != row.says || row.status != 200 && got.json()["error"] != row.says {
			t.Errorf("%s", got.body)
		}
		if logged := strings.Count(p.log.String(), `"msg":"store `) - before; (logged == 1) != (row.logs != "") || !strings.Contains(p.log.String(), row.logs) {
			t.Errorf("%v: logged %d times: %s", row.problem, logged, p.log.String())
		}
	}
}

func TestReadinessIsProbedOnceASecondForAllWhoAsk(t *testing.T) {
	t.Parallel()
	var probes atomic.Int64
	p := start(t, func(api *httpapi.API) {
		api.Ready = func(ctx context.Context) error {
			if _, limited := ctx.Deadline(); !limited {
				t.Error("a probe without a deadline")
			}
			if probes.Add(1) > 1 {
				return errors.New("the disk is gone")
			}
			return nil
		}
	})
	for range 3 {
		p.send("GET", "/readyz", "", nil).is(200)
	}
	p.clock.advance(time.Second)
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() { p.send("GET", "/readyz", "", nil).fails(503, "unavailable") })
	}
	asking.Wait()
	if probes.Load() != 2 {
		t.Errorf("%d probes", probes.Load())
	}
}

func TestTheStateSaysWhatTheUserHas(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		says := func(items, bytes, history int) {
			t.Helper()
			got := u.call("GET", "/v1/sync/state", "").is(200)
			if want := fmt.Sprintf(`"usage":{"items":%d,"bytes":%d,"historyBytes":%d}}`, items, bytes, history); string(got.body[len(got.body)-len(want):]) != want {
				t.Errorf("%s, want %s", got.body, want)
			}
		}
		says(0, 0, 0)
		first := u.payloadBytes("POST", "/v1/notes", `{"title":"ä"}`)
		second := u.payloadBytes("POST", "/v1/tasks", `{"uid":"`+someUID+`"}`)
		says(2, first+second, 0)
		third := u.payloadBytes("PATCH", "/v1/tasks/"+someUID, `{"title":"longer"}`)
		says(2, first+third, second)
		u.call("DELETE", "/v1/tasks/"+someUID, "").is(200)
		says(1, first, second+third)
		u.call("PATCH", "/v1/tasks/"+someUID, `{}`).fails(410, "deleted")
		u.process.user("bob").call("GET", "/v1/sync/state", "").is(200)
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		says(0, 0, 0)
	})
}

// payloadBytes makes a write and returns the size of the payload that is stored.
func (u user) payloadBytes(method, path, body string) int {
	u.t.Helper()
	var summaries struct{ Items []struct{ Bytes int } }
	got := u.call(method, path, body)
	segment := path[:len("/v1/notes")]
	u.call("GET", segment+"?view=summary", "").is(200).into(&summaries)
	if got.status/100 != 2 || len(summaries.Items) != 1 {
		u.t.Fatalf("%s: %d %s", got.request, got.status, got.body)
	}
	return summaries.Items[0].Bytes
}
