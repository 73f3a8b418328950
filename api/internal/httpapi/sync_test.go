package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
)

// ack is one acknowledgement of a push, as a client reads it.
type ack struct {
	UID       string
	Version   int64
	UpdatedAt string
	Error     string
}

func (a answer) acks() []ack {
	a.t.Helper()
	var found []ack
	if err := json.Unmarshal(a.body, &found); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.request, err, a.body)
	}
	return found
}

func syncPath(e *entity.Entity, verb string) string { return "/v1/sync/" + e.Segment + "/" + verb }

// push sends the items (JSON) as one batch.
func (u user) push(e *entity.Entity, items ...string) []ack {
	u.t.Helper()
	return u.call("POST", syncPath(e, "push"), `{"items":[`+strings.Join(items, ",")+`]}`).is(200).acks()
}

// changes is one page of a pull.
type changes struct {
	Upserts    []json.RawMessage
	Deletes    []struct{ UID, DeletedAt string }
	NextCursor *string
}

func (u user) pull(e *entity.Entity, query string) changes {
	u.t.Helper()
	var found changes
	got := u.call("GET", syncPath(e, "pull")+query, "").is(200)
	if err := json.Unmarshal(got.body, &found); err != nil {
		u.t.Fatalf("%v: %.500s", err, got.body)
	}
	return found
}

// pushable is a payload of the entity with a uid, a time and a live parent.
func (u user) pushable(e *entity.Entity, n int, updated, members string) string {
	if members != "" {
		members = "," + members
	}
	return u.body(e, fmt.Sprintf(`"uid":"%s","updatedTs":"%s"%s`, numbered(n), updated, members))
}

func numbered(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func TestAPushedItemIsStoredExactlyAsItWasSent(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		sent := u.body(e, `"uid" : "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "n": 12345678901234567890, "f":1.10,
			"updatedTs":"2026-01-02T03:04:05.678Z", "sync":{"version":7,"x":1}`)
		acks := u.push(e, sent)
		if want := (ack{someUID, 7, "2026-01-02T03:04:05.678Z", ""}); len(acks) != 1 || acks[0] != want {
			t.Errorf("acknowledged as %+v", acks)
		}
		pulled := u.pull(e, "")
		if len(pulled.Upserts) != 1 || string(pulled.Upserts[0]) != sent || len(pulled.Deletes) != 0 {
			t.Errorf("pulled %s", pulled.Upserts)
		}
		read := u.call("GET", path(e)+"/"+someUID, "").is(200)
		if got := read.item(); got.Version != 7 || got.UpdatedAt != "2026-01-02T03:04:05.678Z" || !strings.Contains(string(read.body), sent) {
			t.Errorf("read %s", read.body)
		}
	})
}

func TestTheLastWriteWins(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		for _, row := range []struct {
			name, updated string
			version       int64
			stored        string
		}{
			{"the first", "2026-01-01T00:00:01Z", 1, "2026-01-01T00:00:01Z"},
			{"an equal one", "2026-01-01T00:00:01Z", 1, "2026-01-01T00:00:01Z"},
			{"an older one", "2026-01-01T00:00:00.999Z", 1, "2026-01-01T00:00:01Z"},
			{"a newer one", "2026-01-01T00:00:01.001Z", 2, "2026-01-01T00:00:01.001Z"},
			{"one in milliseconds", "1767225602000", 3, "2026-01-01T00:00:02Z"},
			{"one of another zone", "2026-01-01T01:00:03+01:00", 4, "2026-01-01T00:00:03Z"},
			{"one far in the future", "2099-01-01T00:00:00Z", 5, "2099-01-01T00:00:00Z"},
		} {
			got := u.push(e, u.pushable(e, 1, row.updated, ""))
			if want := (ack{numbered(1), row.version, row.stored, ""}); got[0] != want {
				t.Errorf("%s: %+v, want %+v", row.name, got[0], want)
			}
		}
		later := u.call("PATCH", path(e)+"/"+numbered(1), `{"changed":true}`).is(200).item()
		if later.Version != 6 || later.UpdatedAt != "2099-01-01T00:00:00.001Z" {
			t.Errorf("a later write is version %d of %s", later.Version, later.UpdatedAt)
		}
	})
}

func TestThePushedTimeIsTheFirstKeyThatIsAStringAndATime(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	now := u.clock.Now().UTC().Format("2006-01-02T15:04:05.999Z07:00")
	for n, row := range []struct{ members, want string }{
		{`"updatedTs":"1000","updatedAt":"2000","updateTime":"3000"`, "1970-01-01T00:00:01Z"},
		{`"updatedTs":1000,"updatedAt":"2000"`, "1970-01-01T00:00:02Z"},
		{`"updatedTs":"yesterday","updatedAt":null,"updateTime":"3000"`, "1970-01-01T00:00:03Z"},
		{`"updatedTs":"99999999999999999","updateTime":"-1"`, "1969-12-31T23:59:59.999Z"},
		{`"updatedTs":1000`, now},
		{`"x":1`, now},
	} {
		got := u.push(find("note"), `{"uid":"`+numbered(n)+`",`+row.members+`}`)
		if got[0].UpdatedAt != row.want || got[0].Error != "" {
			t.Errorf("%s: %+v, want %s", row.members, got[0], row.want)
		}
	}
}

func TestAnItemIsDeletedAndRevivedByPush(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + numbered(1)
		u.push(e, u.pushable(e, 1, "1000", ""), u.pushable(e, 2, "1000", ""))
		u.push(e, u.pushable(e, 1, "2000", `"sync":{"isDeleted":true,"deletedAt":"1500"}`), u.pushable(e, 2, "2000", `"sync":{"isDeleted":true}`))
		if got := u.call("GET", one, "").fails(410, "deleted").json(); got["deletedAt"] != "1970-01-01T00:00:01.5Z" {
			t.Errorf("%v", got)
		}
		pulled := u.pull(e, "")
		if len(pulled.Upserts) != 0 || len(pulled.Deletes) != 2 ||
			pulled.Deletes[0].UID != numbered(1) || pulled.Deletes[0].DeletedAt != "1970-01-01T00:00:01.5Z" ||
			pulled.Deletes[1].UID != numbered(2) || pulled.Deletes[1].DeletedAt != "1970-01-01T00:00:02Z" {
			t.Errorf("pulled %+v", pulled)
		}
		u.push(e, u.pushable(e, 1, "2000", ""))
		u.call("GET", one, "").fails(410, "deleted")
		u.push(e, u.pushable(e, 1, "2001", ""))
		if got := u.call("GET", one, "").is(200).item(); got.Version != 3 {
			t.Errorf("revived as %+v", got)
		}
	})
}

func TestARefusedItemDoesNotPoisonTheBatch(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	uid, now := func(n int) string { return `"uid":"` + numbered(n) + `",` }, `"updatedTs":"1000"`
	missing := "99999999-0000-4000-8000-000000000000"
	for _, row := range []struct {
		kind entity.Kind
		item string
		want ack
	}{
		{"note", `null`, ack{Error: "missing or invalid uid"}},
		{"note", `{}`, ack{Error: "missing or invalid uid"}},
		{"note", `{"uid":"x"}`, ack{Error: "missing or invalid uid"}},
		{"note", `{"uid":5}`, ack{Error: "missing or invalid uid"}},
		{"note", `{"uid":"` + nilUID + `"}`, ack{Error: "missing or invalid uid"}},
		{"note", `{` + uid(1) + `"a":"\u0000"}`, ack{Error: `invalid JSON: a NUL character (U+0000) in "a"`}},
		{"note", `{` + uid(1) + `"a":"\ud800"}`, ack{Error: `invalid JSON: a lone surrogate in "a"`}},
		{"note", `{` + uid(1) + `"a":1e400}`, ack{Error: `invalid JSON: a number too large for a double in "a"`}},
		{"note", `{` + uid(1) + `"a":"` + "\xff" + `"}`, ack{Error: `invalid JSON: not valid UTF-8`}},
		{"note", `{` + uid(1) + `"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
			ack{Error: `invalid JSON: nested more than 100 levels deep in "a"`}},
		{"note", `{` + uid(1) + `"a":{"b":"` + strings.Repeat("x", 5001) + `"}}`,
			ack{Error: "invalid JSON: a string of more than 5000 bytes at /a/b; shorten it or split it up"}},
		{"note", `{` + uid(1) + `"a":{"` + strings.Repeat("x", 1025) + `":1}}`,
			ack{Error: "invalid JSON: a key of more than 1024 bytes at /a/" + strings.Repeat("x", 97) + "…; shorten it or split it up"}},
		{"comment", `{` + uid(1) + now + `}`, ack{Error: "missing parentType"}},
		{"comment", `{` + uid(1) + `"parentType":"note"}`, ack{Error: "missing parentUid"}},
		{"comment", `{` + uid(1) + `"parentType":"note","parentUid":"x"}`, ack{Error: "invalid parentUid"}},
		{"comment", `{` + uid(1) + now + `,"parentType":"chat","parentUid":"` + missing + `"}`,
			ack{numbered(1), 1, "1970-01-01T00:00:01Z", "invalid parent_type: chat (must be 'note' or 'task')"}},
		{"comment", `{` + uid(1) + now + `,"parentType":"note","parentUid":"` + missing + `"}`,
			ack{numbered(1), 1, "1970-01-01T00:00:01Z", "parent note not found: " + missing}},
		{"chat_message", `{` + uid(1) + now + `}`, ack{Error: "missing chatUid"}},
		{"chat_message", `{` + uid(1) + `"chatUid":"x"}`, ack{Error: "invalid chatUid: x"}},
		{"chat_message", `{` + uid(1) + now + `,"chatUid":"` + missing + `"}`,
			ack{numbered(1), 1, "1970-01-01T00:00:01Z", "parent chat not found: " + missing}},
		{"comment", `{` + uid(1) + `"sync":{"isDeleted":true}}`, ack{Error: "missing parentType"}},
	} {
		e, n := find(row.kind), 10
		u := u.on(start(t, func(api *httpapi.API) { api.Items.MaxString = 5000 }))
		acks := u.push(e, u.pushable(e, n, "1000", ""), row.item, u.pushable(e, n+1, "1000", ""))
		if len(acks) != 3 || acks[0].UID != numbered(n) || acks[0].Error != "" || acks[1] != row.want || acks[2].UID != numbered(n+1) || acks[2].Error != "" {
			t.Errorf("%.100s: %+v", row.item, acks)
		}
		if got := len(u.pull(e, "").Upserts); got != 2 {
			t.Errorf("%.100s: %d items were stored", row.item, got)
		}
	}
}

func TestADeletionNeedsNoLivingParentAndAChildMayOutliveIt(t *testing.T) {
	t.Parallel()
	for _, e := range entity.Table {
		if e.Parent == nil {
			continue
		}
		u := start(t).user("alice")
		kind := e.Parent.Kinds[0]
		keys := u.parentKeys(e, kind)
		child := func(n, updated int, members string) string {
			return fmt.Sprintf(`{%s,"uid":"%s","updatedTs":"%d"%s}`, keys, numbered(n), updated, members)
		}
		u.push(e, child(1, 1000, ""))
		parent := u.call("GET", path(find(kind)), "").page().Items[0].UID
		u.call("DELETE", path(find(kind))+"/"+parent, "").is(200)
		acks := u.push(e, child(1, 2000, ""), child(2, 2000, ""), child(3, 2000, `,"sync":{"isDeleted":true}`))
		if acks[0].Version != 2 || acks[0].Error != "" || acks[1].Error == "" || acks[2].Error != "" {
			t.Errorf("%s: %+v", e.Kind, acks)
		}
	}
}

func TestTheBatchItselfMustBeReadable(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for body, want := range map[string]string{`{}`: "[]", `{"items":[]}`: "[]", `{"Items":[{}]}`: "[]"} {
		if got := u.call("POST", "/v1/sync/notes/push", body).is(200); string(got.body) != want {
			t.Errorf("%s: %s", body, got.body)
		}
	}
	for _, body := range []string{``, `{`, `null`, ` null `, `[]`, `[{"uid":"` + someUID + `"}]`, `"x"`, `5`, `true`, `{"items":null}`, `{"items":5}`, `{"items":"x"}`, `{"items":{}}`, `{"items":[5]}`, `{"items":[[]]}`, `{"items":[]} x`} {
		u.call("POST", "/v1/sync/notes/push", body).fails(400, "invalid_json")
	}
	items := make([]string, 101)
	for n := range items {
		items[n] = `{"uid":"` + numbered(n) + `"}`
	}
	over := u.call("POST", "/v1/sync/notes/push", `{"items":[`+strings.Join(items, ",")+`]}`).fails(413, "batch_too_large").
		says("a push takes 100 items at most, this one has 101; send them in several")
	if over.detail("maxItems") != 100.0 {
		t.Errorf("%s", over.body)
	}
	if got := u.pull(find("note"), ""); len(got.Upserts) != 0 {
		t.Errorf("stored %s", got.Upserts)
	}
	if acks := u.push(find("note"), items[:100]...); len(acks) != 100 {
		t.Errorf("%d acknowledgements", len(acks))
	}
}

func TestAnItemTwiceInABatchIsWrittenTwice(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("note")
	acks := u.push(e, u.pushable(e, 1, "1000", ""), u.pushable(e, 1, "3000", ""), u.pushable(e, 1, "2000", ""))
	if acks[0].Version != 1 || acks[1].Version != 2 || acks[2].Version != 2 || acks[2].UpdatedAt != "1970-01-01T00:00:03Z" {
		t.Errorf("%+v", acks)
	}
}

func TestAReaderAtTheTailPullsWhateverTimeIsPushed(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		var cursor string
		tail := func() (uids []string) {
			for {
				page := u.pull(e, "?limit=2"+cursor)
				for _, raw := range page.Upserts {
					var payload struct{ UID string }
					_ = json.Unmarshal(raw, &payload)
					uids = append(uids, payload.UID)
				}
				for _, gone := range page.Deletes {
					uids = append(uids, gone.UID)
				}
				if page.NextCursor == nil {
					return uids
				}
				cursor = "&cursor=" + *page.NextCursor
			}
		}
		for n, updated := range []string{"2099-01-01T00:00:00Z", "1000", "2026-11-20T06:15:34.04Z", "-5"} {
			u.push(e, u.pushable(e, n, updated, ""), u.pushable(e, n+100, updated, `"sync":{"isDeleted":true}`))
			if got := tail(); !slices.Equal(got, []string{numbered(n), numbered(n + 100)}) {
				t.Errorf("after %s: pulled %v", updated, got)
			}
		}
		u.call("PATCH", path(e)+"/"+numbered(0), `{"changed":true}`).is(200)
		if got := tail(); !slices.Equal(got, []string{numbered(0)}) {
			t.Errorf("after a change of an item of the future: pulled %v", got)
		}
		u.clock.advance(-30 * time.Second)
		u.push(e, u.pushable(e, 1, "2000", ""))
		if got := tail(); !slices.Equal(got, []string{numbered(1)}) {
			t.Errorf("after the clock went back: pulled %v", got)
		}
	})
}

func TestAPullIsAPageLikeThatOfAList(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("note")
	if got := u.call("GET", "/v1/sync/notes/pull", "").is(200); string(got.body) != `{"upserts":[],"deletes":[]}` {
		t.Errorf("empty pull %s", got.body)
	}
	u.push(e, u.pushable(e, 1, "1000", ""), u.pushable(e, 2, "1000", ""), u.pushable(e, 3, "1000", ""))
	if got := u.pull(e, "?limit=2"); len(got.Upserts) != 2 || got.NextCursor == nil {
		t.Errorf("%+v", got)
	}
	if got := u.pull(e, "?maxBytes=1"); len(got.Upserts) != 1 || got.NextCursor == nil {
		t.Errorf("%+v", got)
	}
	last := u.pull(e, "")
	if len(last.Upserts) != 3 || last.NextCursor == nil {
		t.Fatalf("%+v", last)
	}
	if got := u.call("GET", "/v1/sync/notes/pull?cursor="+*last.NextCursor, "").is(200); string(got.body) != `{"upserts":[],"deletes":[]}` {
		t.Errorf("at the end %s", got.body)
	}
	u.call("GET", "/v1/sync/notes/pull?cursor=x", "").fails(400, "invalid_cursor")
	u.call("GET", "/v1/sync/notes/pull?limit=0", "").fails(400, "invalid_limit")
	if other := u.process.user("bob").pull(e, ""); len(other.Upserts) != 0 {
		t.Errorf("somebody else pulled %s", other.Upserts)
	}
}

func TestPushAndPullHaveTheGuardsOfItems(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		session := u.opens()
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		for _, call := range [][2]string{{"POST", "push"}, {"GET", "pull"}} {
			where := syncPath(e, call[1])
			for _, version := range []string{auth.V1, auth.V2} {
				u := u.signing(version)
				u.call(call[0], where, "{}", unset("Authorization")).fails(401, "unauthorized")
				u.call(call[0], where, "{}", unsigned).fails(401, "invalid_tenant")
				u.call(call[0], where, "{}", unset("X-Sync-Session")).fails(428, "session_required")
				u.call(call[0], where, "{}", in(session, "1")).fails(428, "session_invalid")
				u.call(call[0], where, "{}", set("X-Sync-Epoch", "1")).fails(409, "epoch_mismatch")
			}
		}
	})
}

func TestAPushThatAWipeOvertookStoresNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		came := make(chan struct{}, 10)
		u := start(t, announce(came)).user("alice")
		release := u.locked()
		wiped, pushed := make(chan answer, 1), make(chan answer, 1)
		go func() { wiped <- u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`) }()
		<-came
		go func() { pushed <- u.call("POST", "/v1/sync/notes/push", `{"items":[{"uid":"`+someUID+`"}]}`) }()
		<-came
		release()
		(<-wiped).is(200)
		if got := <-pushed; got.status != 200 {
			got.fails(409, "epoch_mismatch")
		}
		if left := u.pull(find("note"), ""); len(left.Upserts) != 0 {
			t.Errorf("left after the wipe: %s", left.Upserts)
		}
	})
}

func TestOfParallelPushesOfOneItemTheLatestIsKept(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		keys := strings.Trim(u.body(e, ""), "{}")
		if keys != "" {
			keys += ","
		}
		u.atOnce(40, func(u user, i int) answer {
			return u.call("POST", syncPath(e, "push"), fmt.Sprintf(`{"items":[{%s"uid":"%s","updatedTs":"%d"}]}`, keys, someUID, 1000+i))
		})
		if got := u.call("GET", path(e)+"/"+someUID, "").is(200).item(); got.UpdatedAt != "1970-01-01T00:00:01.039Z" {
			t.Errorf("kept %+v", got)
		}
	})
}
