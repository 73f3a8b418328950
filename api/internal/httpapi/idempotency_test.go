package httpapi_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/entity"
)

func keyed(key string) header { return set("Idempotency-Key", key) }

// keyedWrites is every write that a key can make happen once.
func keyedWrites(u user, e *entity.Entity) [][3]string {
	one := path(e) + "/" + u.has(e, "").UID
	return append([][3]string{{"POST", path(e), u.body(e, `"n":1`)}}, conditional(u.t, e, one)...)
}

// repeats checks that an answer is the first one again.
func (a answer) repeats(first answer) {
	a.t.Helper()
	a.is(first.status)
	if !bytes.Equal(a.body, first.body) || a.header.Get("Idempotency-Replayed") != "true" || a.header.Get("Content-Type") != "application/json" {
		a.t.Errorf("%s: %s %s\nfirst %s", a.request, a.header, a.body, first.body)
	}
}

func TestAWriteWithAKeyHappensOnce(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		twin := u.on(u.twin())
		for i := range keyedWrites(u, e) {
			row := keyedWrites(u, e)[i]
			key := keyed(fmt.Sprint("key-", i))
			first := u.call(row[0], row[1], row[2], key)
			if first.status/100 != 2 || first.header.Get("Idempotency-Replayed") != "" {
				t.Fatalf("%s: %d %s", first.request, first.status, first.body)
			}
			u.clock.advance(time.Hour)
			u.call(row[0], row[1], row[2], key).repeats(first)
			twin.call(row[0], row[1], row[2], key).repeats(first)
			stored := u.call("GET", path(e)+"/"+first.item().UID+"?includeDeleted=true", "").is(200).item()
			if stored.Version != first.item().Version {
				t.Errorf("%s: version %d, answered %d", first.request, stored.Version, first.item().Version)
			}
		}
	})
}

func TestAKeyIsGoodForOneRequestOnly(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	e := find("note")
	one, other := path(e)+"/"+u.has(e, "").UID, path(e)+"/"+u.has(e, "").UID
	u.call("PATCH", one, `{"a":1}`, keyed("k")).is(200)
	for _, call := range [][3]string{
		{"PATCH", one, `{"a":2}`}, {"PATCH", one, `{"a":1} `}, {"PUT", one, `{"a":1}`}, {"PATCH", other, `{"a":1}`}, {"POST", "/v1/notes", `{"a":1}`},
		{"POST", "/v1/tasks", `{"a":1}`}, {"DELETE", one, ""}, {"POST", one + "/archive", ""},
	} {
		u.call(call[0], call[1], call[2], keyed("k")).fails(422, "idempotency_key_reused")
	}
	u.call("PATCH", one, `{"a":1}`, keyed("k"), set("If-Match", "2")).fails(422, "idempotency_key_reused")
	same := "/v1/notes/" + strings.ToUpper(one[len("/v1/notes/"):])
	if got := u.call("PATCH", same, `{"a":1}`, keyed(`"k"`)).is(200); got.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the same item in upper case, with the key quoted, is another request")
	}
	u.call("PATCH", other, `{"a":1}`, keyed("k2"), set("If-Match", `"1"`)).is(200)
	if got := u.call("PATCH", other, `{"a":1}`, keyed("k2"), set("If-Match", "1")).is(200).item(); got.Version != 2 {
		t.Errorf("%+v", got)
	}
	bob := u.process.user("bob")
	bob.call("POST", "/v1/notes", `{}`, keyed("k")).is(201)
}

func TestARefusedWriteLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := "/v1/notes/" + u.has(find("note"), "").UID
	u.call("PATCH", one, `{}`, keyed("k"), set("If-Match", "7")).fails(412, "version_mismatch")
	u.call("PATCH", one, `{`, keyed("k")).fails(400, "invalid_json")
	u.call("DELETE", "/v1/notes/"+someUID, "", keyed("k")).fails(404, "not_found")
	u.call("PATCH", one, `{}`, keyed("k"), set("If-Match", "1")).is(200)
}

func TestAKeyIsShortVisibleTextBareOrQuoted(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	long := strings.Repeat("k", 255)
	for _, key := range []string{"k", long, `"` + long + `"`, `"a\"b\\c"`, `a"b`, "8e03978e-40d5-43dd-bc93-6894a57f9324"} {
		u.call("POST", "/v1/notes", "{}", keyed(key)).is(201)
	}
	one := "/v1/notes/" + u.has(find("note"), "").UID
	for _, key := range []string{"", long + "k", `"` + long + `k"`, "a b", "ä", `"`, `""`, `"a`, `"a"b`, `"a\b"`, `"a\`, `"a b"`} {
		u.call("POST", "/v1/notes", "{}", keyed(key)).fails(400, "invalid_idempotency_key")
	}
	for _, call := range conditional(t, find("note"), one) {
		u.signing(auth.V1).call(call[0], call[1], call[2], header{"Idempotency-Key": {"a", "a"}}).fails(400, "invalid_idempotency_key")
	}
	u.call("GET", one, "", keyed("")).is(200)
}

func TestAKeyIsForgottenAfterItsTimeAndByAWipe(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	first := u.call("POST", "/v1/notes", "{}", keyed("k")).is(201).item()
	u.clock.advance(24*time.Hour - time.Millisecond)
	if again := u.call("POST", "/v1/notes", "{}", keyed("k")).is(201).item(); again.UID != first.UID {
		t.Error("it was forgotten before its time")
	}
	u.clock.advance(time.Millisecond)
	second := u.call("POST", "/v1/notes", "{}", keyed("k")).is(201).item()
	if second.UID == first.UID {
		t.Error("it was kept beyond its time")
	}
	u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
	if third := u.call("POST", "/v1/notes", "{}", keyed("k")).is(201).item(); third.UID == second.UID {
		t.Error("the wipe left it")
	}
}

func TestParallelTwinsOfOneKeyAreOneWrite(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		for i := range keyedWrites(u, e) {
			row := keyedWrites(u, e)[i]
			var mu sync.Mutex
			bodies, replayed := map[string]bool{}, 0
			statuses := u.atOnce(20, func(u user, _ int) answer {
				got := u.call(row[0], row[1], row[2], keyed(fmt.Sprint("k", i)))
				mu.Lock()
				defer mu.Unlock()
				bodies[string(got.body)] = true
				if got.header.Get("Idempotency-Replayed") == "true" {
					replayed++
				}
				return got
			})
			if len(statuses) != 1 || statuses[200]+statuses[201] != 20 || len(bodies) != 1 || replayed != 19 {
				t.Errorf("%s %s: statuses %v, %d answers, %d replayed", row[0], row[1], statuses, len(bodies), replayed)
			}
		}
	})
}

func TestALargeAnswerIsMadeAgainFromItsItem(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		large := strings.Repeat("x", 200_000)
		created := u.call("POST", "/v1/notes", `{"title":"`+large+`"}`, keyed("create")).is(201)
		u.call("POST", "/v1/notes", `{"title":"`+large+`"}`, keyed("create")).repeats(created)
		one := "/v1/notes/" + created.item().UID
		patched := u.call("PATCH", one, `{"n":1}`, keyed("patch")).is(200)
		u.call("PATCH", one, `{"n":1}`, keyed("patch")).repeats(patched)
		u.call("PATCH", one, `{"n":2}`, keyed("patch")).fails(422, "idempotency_key_reused")

		later := u.call("PATCH", one, `{"n":3}`).is(200)
		again := u.call("PATCH", one, `{"n":1}`, keyed("patch")).is(200)
		if string(again.body) != string(later.body) || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("after a later write: version %d", again.item().Version)
		}
		if got := u.call("POST", "/v1/notes", `{"title":"`+large+`"}`, keyed("create")).is(201).item(); got.UID != created.item().UID || got.Version != 3 {
			t.Errorf("%s, version %d", got.UID, got.Version)
		}
		deleted := u.call("DELETE", one, "", keyed("delete")).is(200)
		u.call("DELETE", one, "", keyed("delete")).repeats(deleted)
		if got := u.call("PATCH", one, `{"n":1}`, keyed("patch")).is(200).item(); got.Version != 4 || got.DeletedAt == "" {
			t.Errorf("after the deletion: %d, %q", got.Version, got.DeletedAt)
		}
		if got := u.call("GET", "/v1/notes?includeDeleted=true", "").page(); len(got.Items) != 1 {
			t.Errorf("%d notes", len(got.Items))
		}
	})
}
