package httpapi_test

import (
	"fmt"
	"testing"
)

// since is the changes of a version_mismatch.
func (a answer) since() (versions, changes string) {
	a.t.Helper()
	var said struct {
		Details struct {
			Changes []struct {
				written
				At, By, Client string
			}
		}
	}
	a.fails(412, "version_mismatch").into(&said)
	for _, c := range said.Details.Changes {
		versions += fmt.Sprintf(" %d", c.Version)
		changes += fmt.Sprintf("%s %v by %s with %q as %s; ", c.Change, c.Fields, c.By, c.Client, c.ChangeID)
		if c.At == "" {
			a.t.Errorf("%s: no time: %s", a.request, a.body)
		}
	}
	if said.Details.Changes == nil {
		a.t.Errorf("%s: no changes: %s", a.request, a.body)
	}
	return versions, changes
}

func TestAWriteAtAnotherVersionSaysWhatChangedSince(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		uid := u.has(find("note"), `"content":"x"`).UID
		one := "/v1/notes/" + uid
		u.call("PATCH", one, `{"n":1}`).is(200)
		u.call("POST", one+"/archive", "", client("claude/2.1")).is(200)
		const both = `updated [n] by alice with "" as c2; archived [status] by alice with "claude/2.1" as c3; `
		const last = `archived [status] by alice with "claude/2.1" as c3; `
		for _, row := range [][3]string{
			{"PUT", one, "{}"}, {"PATCH", one, "{}"}, {"DELETE", one, ""}, {"POST", one + "/archive", ""}, {"POST", one + "/process", `{"action":"pin"}`},
			{"POST", one + "/edit", `{"append":"y"}`}, {"POST", one + "/tags", `{"add":["a"]}`}, {"POST", one + "/restore", `{"version":1}`},
			{"PATCH", one + "?dryRun=true", "{}"}, {"PATCH", one + "?return=minimal", "{}"},
		} {
			if _, got := u.call(row[0], row[1], row[2], set("If-Match", "1")).since(); got != both {
				t.Errorf("%s %s: %s", row[0], row[1], got)
			}
			if _, got := u.call(row[0], row[1], row[2], set("If-Match", "2"), keyed("k")).since(); got != last {
				t.Errorf("%s %s: %s", row[0], row[1], got)
			}
			for _, ahead := range []string{"4", "9223372036854775807"} {
				if _, got := u.call(row[0], row[1], row[2], set("If-Match", ahead)).since(); got != "" {
					t.Errorf("%s %s: %s", row[0], row[1], got)
				}
			}
		}
		for _, operation := range []string{`"op":"patch","payload":{}`, `"op":"edit","append":"y"`, `"op":"tags","add":["a"]`, `"op":"delete"`, `"op":"restore","version":1`} {
			got := u.batch(`{"op":"create","kind":"task","payload":{}},{` + operation + `,"kind":"note","uid":"` + uid + `","ifMatch":2}`)
			if _, changes := got.since(); changes != last || got.detail("index") != 2.0 || got.detail("uid") != uid {
				t.Errorf("%s: %s", operation, got.body)
			}
		}
		made := u.batch(`{"op":"create","kind":"task","payload":{}},{"op":"patch","kind":"task","uid":"$1","payload":{"n":1}},{"op":"patch","kind":"task","uid":"$1","ifMatch":1,"payload":{"n":2}}`)
		if versions, _ := made.since(); versions != "" {
			t.Errorf("of what the batch itself made: %s", made.body)
		}
		u.call("DELETE", one, "").is(200)
		if _, got := u.call("POST", one+"/restore", "", set("If-Match", "3")).since(); got != `deleted [] by alice with "" as c4; ` {
			t.Error(got)
		}
	})
}

func TestTheLastTwentyLaterChangesAreShown(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		one := "/v1/notes/" + u.has(find("note"), "").UID
		for n := range 24 {
			u.call("PATCH", one, fmt.Sprintf(`{"n":%d}`, n)).is(200)
		}
		want := ""
		for version := 6; version <= 25; version++ {
			want += fmt.Sprintf(" %d", version)
		}
		for _, expected := range []string{"0", "1", "5"} {
			if got, _ := u.call("PATCH", one, `{}`, set("If-Match", expected)).since(); got != want {
				t.Errorf("since %s: %s", expected, got)
			}
		}
		if got, _ := u.call("PATCH", one, `{}`, set("If-Match", "23")).since(); got != " 24 25" {
			t.Error(got)
		}
	})
}
