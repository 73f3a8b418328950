package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
)

// editedJSON is what a client reads of the answer to an edit, or to a change of tags.
type editedJSON struct {
	UID, UpdatedAt, Field, Diff string
	Version                     int64
	Changed                     *bool
	Tags                        []any
}

func (a answer) edited() (did editedJSON) {
	a.t.Helper()
	a.is(http.StatusOK).into(&did)
	return did
}

// partial is every operation that changes a part of an item: method, path and body.
func partial(e *entity.Entity, one string) [][3]string {
	n := count.Add(1)
	return [][3]string{
		{"POST", one + "/edit", fmt.Sprintf(`{"append":"%d"}`, n)},
		{"POST", one + "/tags", fmt.Sprintf(`{"add":["%d"]}`, n)},
	}
}

func TestATextIsEditedInPlace(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		field := e.Text[0]
		created := u.has(e, `"`+field+`":"# A\r\none\r\n\r\n# B\r\ntwo","tags":["x"],"n":1.10`)
		one := path(e) + "/" + created.UID
		u.clock.advance(1e9)
		did := u.call("POST", one+"/edit", `{"edits":[{"find":"two","replace":"2"}],"append":"more","heading":"a"}`).edited()
		stored := u.call("GET", one, "").is(200)
		found := stored.item()
		const want = "# A\r\none\r\nmore\r\n\r\n# B\r\n2"
		if found.Payload[field] != want || found.Version != 2 || !strings.Contains(string(stored.body), `"n":1.10`) {
			t.Errorf("stored %s", stored.body)
		}
		if did.UID != found.UID || did.Version != 2 || did.UpdatedAt != found.UpdatedAt || did.Field != field || !*did.Changed || did.Diff != "@@ -2,0 +3 @@\n+more\n@@ -5 +6 @@\n-two\n+2" {
			t.Errorf("answered %+v", did)
		}
		u.clock.advance(1e9)
		same := u.call("POST", one+"/edit", `{"edits":[{"find":"2","replace":"x"},{"find":"x","replace":"2"}]}`).edited()
		if *same.Changed || same.Diff != "" || same.Version != 2 || same.UpdatedAt != did.UpdatedAt {
			t.Errorf("an edit that changes nothing: %+v", same)
		}
		if again := u.call("GET", one, "").is(200); string(again.body) != string(stored.body) {
			t.Errorf("%s became %s", stored.body, again.body)
		}
		got := u.call("POST", one+"/edit", `{"edits":[{"find":"TWO","replace":"2"}]}`).fails(409, "edit_mismatch")
		if got.detail("occurrences") != 0.0 || got.detail("expected") != 1.0 || got.detail("edit") != 0.0 || got.detail("field") != field {
			t.Errorf("%s", got.body)
		}
	})
}

func TestTagsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, `"tags":["b","a",5]`).UID
		did := u.call("POST", one+"/tags", `{"add":["c","b"],"remove":["a","z"]}`).edited()
		if fmt.Sprint(did.Tags) != "[b 5 c]" || did.Version != 2 || !*did.Changed {
			t.Errorf("%+v", did)
		}
		for tag, want := range map[string]int{"a": 0, "b": 1, "c": 1} {
			if got := u.call("GET", path(e)+"?tag="+tag, "").page(); len(got.Items) != want {
				t.Errorf("%d items with the tag %s", len(got.Items), tag)
			}
		}
		if same := u.call("POST", one+"/tags", `{"add":["c"],"remove":["a"]}`).edited(); *same.Changed || same.Version != 2 || fmt.Sprint(same.Tags) != "[b 5 c]" {
			t.Errorf("a change that changes nothing: %+v", same)
		}
		u.call("POST", one+"/tags", `{"add":["d"],"remove":["d"]}`).fails(422, "invalid_field")
	})
}

func TestAPartialWriteObeysTheRulesOfWrites(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		gone := path(e) + "/" + u.has(e, "").UID
		u.call("DELETE", gone, "").is(200)
		bob := u.process.user("bob")
		for i, row := range partial(e, one) {
			version := i + 1
			u.call(row[0], row[1], row[2], set("If-Match", "7")).fails(412, "version_mismatch")
			u.call(row[0], row[1], row[2], set("If-Match", "x")).fails(400, "invalid_if_match")
			u.call(row[0], row[1], "{", nil).fails(400, "invalid_json")
			u.call(row[0], row[1], "[]", nil).fails(400, "invalid_json")
			u.call(row[0], row[1]+"?dryrun=true", row[2]).fails(400, "invalid_query")
			if got := u.call(row[0], row[1], `{"append":"x","add":[]}`).fails(400, "invalid_json"); got.detail("field") != []string{"add", "append"}[i] {
				t.Errorf("%s", got.body)
			}
			u.call(row[0], row[1], strings.Repeat(" ", 1<<20+1)).fails(413, "body_too_large")
			bob.call(row[0], row[1], row[2]).fails(404, "not_found")
			u.call(row[0], strings.Replace(row[1], one, gone, 1), "{").fails(410, "deleted")
			u.call(row[0], strings.Replace(row[1], one, path(e)+"/"+someUID, 1), "{").fails(404, "not_found")
			u.call(row[0], strings.Replace(row[1], one, path(e)+"/x", 1), row[2]).fails(400, "invalid_uid")
			dry := u.call(row[0], row[1]+"?dryRun=true", row[2], set("If-Match", fmt.Sprint(version)), keyed(row[1])).is(200)
			first := u.call(row[0], row[1], row[2], set("If-Match", fmt.Sprint(version)), keyed(row[1])).is(200)
			if string(dry.body) != string(first.body) || first.header.Get("X-Change-Id") == "" || dry.header.Get("X-Change-Id") != "" {
				t.Errorf("%s %s %s, dry %s", first.request, first.header, first.body, dry.body)
			}
			u.call(row[0], row[1], row[2], set("If-Match", fmt.Sprint(version)), keyed(row[1])).repeats(first)
			u.call(row[0], row[1], partial(e, one)[i][2], keyed(row[1])).fails(422, "idempotency_key_reused")
			if found := u.call("GET", one, "").item(); found.Version != int64(version+1) {
				t.Errorf("%s: version %d", row[1], found.Version)
			}
		}
		if e.Parent != nil {
			got := u.call("POST", one+"/edit", `{"field":"`+e.Parent.UIDKey+`","append":"x"}`).fails(422, "invalid_field")
			if got.detail("field") != e.Parent.UIDKey {
				t.Errorf("%s", got.body)
			}
		}
	})
}

// The answer to an edit cannot be made again, so it is kept also of a large item.
func TestARepeatedEditOfALargeItemGetsItsAnswer(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		large := strings.Repeat("x", 200_000)
		one := "/v1/notes/" + u.has(find("note"), `"content":"`+strings.Repeat("a\\n", 100)+large+`","tags":["`+large+`","`+large+`"]`).UID
		const replaced = `{"edits":[{"find":"a","replace":"\u0001\u0001\u0001\u0001\u0001\u0001","count":100}]}`
		first := u.call("POST", one+"/edit", replaced, keyed("edit")).is(200)
		tagged := u.call("POST", one+"/tags", `{"add":["b"]}`, keyed("tags")).is(200)
		u.call("PATCH", one, `{"tags":["c"]}`).is(200)
		u.call("POST", one+"/edit", replaced, keyed("edit")).repeats(first)
		if did := first.edited(); did.Diff == "" || len(first.body) > 4096 {
			t.Errorf("%d bytes, %+v", len(first.body), did)
		}
		if did := tagged.edited(); len(did.Tags) != 3 || !*did.Changed {
			t.Errorf("%d tags", len(did.Tags))
		}
		again := u.call("POST", one+"/tags", `{"add":["b"]}`, keyed("tags")).edited() // too large to be kept
		if again.Changed != nil || fmt.Sprint(again.Tags) != "[c]" || again.Version != 4 {
			t.Errorf("%+v", again)
		}
	})
}

func TestEditsOfOneTextByManyAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		const writers = 20
		field := e.Text[0]
		var lines []string
		for i := range writers {
			lines = append(lines, fmt.Sprintf("line <%d>", i))
		}
		one := path(e) + "/" + u.has(e, `"`+field+`":"`+strings.Join(lines, `\n`)+`"`).UID
		statuses := u.atOnce(3*writers, func(u user, i int) answer {
			n := i / 3
			return u.call("POST", one+[]string{"/edit", "/edit", "/tags"}[i%3], []string{
				fmt.Sprintf(`{"edits":[{"find":"<%d>","replace":"[%d]"}]}`, n, n),
				fmt.Sprintf(`{"append":"added %d"}`, n),
				fmt.Sprintf(`{"add":["tag%d"]}`, n),
			}[i%3])
		})
		stored := u.call("GET", one, "").is(200).item()
		if statuses[200] != 3*writers || stored.Version != 3*writers+1 {
			t.Errorf("statuses %v, version %d", statuses, stored.Version)
		}
		got := strings.Split(stored.Payload[field].(string), "\n")
		tags := strings.Fields(strings.Trim(fmt.Sprint(stored.Payload["tags"]), "[]"))
		for n := range writers {
			if got[n] != fmt.Sprintf("line [%d]", n) || !strings.Contains(strings.Join(got, "\n")+"\n", fmt.Sprintf("\nadded %d\n", n)) || !slices.Contains(tags, fmt.Sprintf("tag%d", n)) {
				t.Errorf("writer %d: %q, %s", n, got, tags)
			}
		}
		if len(got) != 2*writers || len(tags) != writers {
			t.Errorf("%d lines, %s", len(got), tags)
		}
	})
}

func TestAnEditKeepsToTheBoundsOfTheService(t *testing.T) {
	t.Parallel()
	u := start(t, func(api *httpapi.API) { api.Items.MaxString, api.Items.MaxItemBytes = 100, 300 }).user("alice")
	one := "/v1/notes/" + u.has(find("note"), `"content":"`+strings.Repeat("x", 98)+`"`).UID
	u.call("POST", one+"/edit", `{"append":"yy"}`).fails(413, "body_too_large")
	u.call("POST", one+"/edit", `{"append":"y"}`).is(200)
	u.call("POST", one+"/edit", `{"append":"`+strings.Repeat("y", 101)+`"}`).fails(400, "invalid_json")
	u.call("POST", one+"/edit", `{"field":"other","append":"`+strings.Repeat("y", 99)+`"}`).fails(413, "body_too_large")
	u.call("POST", one+"/tags", `{"add":["`+strings.Repeat("y", 99)+`"]}`).fails(413, "body_too_large")
	u.call("POST", one+"/edit", `{"edits":[{"find":"x","replace":"","count":98}]}`).is(200)
}
