package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"toolbridge/api/internal/auth"
	"toolbridge/api/internal/httpapi"
)

func unsignedAPI(api *httpapi.API) { api.Unsigned = true }

func TestTheRoutesOfLoginWantASignatureOfVersion2Always(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]func(*httpapi.API){"signed": {embedded}, "without signatures": {embedded, unsignedAPI}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, options...)
			const path, body = "/v1/login/accounts/list", "{}"
			alone := []header{unset("Authorization"), unset("X-Sync-Session")}
			p.gateway().call("POST", path, body, alone...).is(200)
			p.user("alice").call("POST", path, body, unsigned).refused(nil)
			p.gateway().signing(auth.V1).call("POST", path, body, alone...).refused(nil)
			p.gateway().call("POST", path, body, append(alone, set("Content-Digest", "sha-256=:AAAAo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"))...).refused(nil)
			h := http.Header{}
			p.signer().Sign("POST", path, h, body)
			p.send("POST", path, body, h).is(200)
			p.send("POST", path, body, h).refused("replay")
			h = http.Header{}
			p.signer().Sign("POST", path, h, body)
			p.send("POST", path, `{"limit":1}`, h).refused("digest")
		})
	}
}

func TestWithoutAnOwnLoginThereAreNoRoutesOfIt(t *testing.T) {
	t.Parallel()
	p := start(t)
	for path, item := range described(t).Paths.Map() {
		for method := range item.Operations() {
			if strings.HasPrefix(path, "/v1/login/") {
				p.gateway().call(method, path, "").fails(404, "route_not_found")
			}
		}
	}
	if info := p.user("alice").call("GET", "/v1/sync/info", "").is(200); info.member("login") != nil {
		t.Errorf("%s", info.body)
	}
	if info := start(t, embedded).user("alice").call("GET", "/v1/sync/info", "").is(200); info.member("login") != true {
		t.Errorf("%s", info.body)
	}
}

func TestABodyThatCannotBeReadIsRefusedWithoutAQuote(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	for _, body := range []string{"", "[]", `{"name":1}`, `{"password":"hunter2hunter2"`, `{"secret":"hunter2"}`, `{} {}`, `"hunter2"`, "null x"} {
		got := p.gateway().call("POST", "/v1/login/sessions/begin", body)
		if body == "" {
			got.fails(403, "sign_in_refused")
			continue
		}
		if got.fails(400, "invalid_json"); strings.Contains(string(got.body), "hunter") {
			t.Errorf("%s", got.body)
		}
	}
	p.gateway().call("POST", "/v1/login/sessions/begin", `{"name":"`+strings.Repeat("x", 16<<10)+`"}`).fails(413, "body_too_large")
}

func TestSigningInIsInTheJournalAndInNoListOfChanges(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, embedded)
		added := p.asks("accounts/add", fields{"name": "ann", "subject": "alice"}).is(200)
		p.asks("links/redeem", fields{"token": added.text("link", "token"), "password": goodPassword}).is(200)
		alice := p.user("alice")
		client := set("X-TB-Client", "claude/2.1")
		note := alice.call("POST", "/v1/notes", `{"title":"Milk"}`, client).is(201).item()
		p.gateway().call("POST", "/v1/login/sessions/begin", `{"name":"ann","password":"`+goodPassword+`"}`, client, set("X-TB-Tool", "sign_in")).is(200)
		p.asks("accounts/disable", fields{"id": added.text("account", "id")}).is(200)

		var names []string
		for _, line := range alice.call("GET", "/v1/journal", "").is(200).member("lines").([]any) {
			line := line.(fields)
			names = append(names, line["change"].(string))
			if line["by"] != "alice" {
				t.Errorf("%v", line)
			}
		}
		if got := strings.Join(names, " "); got != "account_added invited password_set signed_in created signed_in disabled" {
			t.Error(got)
		}
		for _, query := range []string{"", "?client=claude", "?kinds=note"} {
			changes := alice.call("GET", "/v1/changes"+query, "").is(200).member("changes").([]any)
			if len(changes) != 1 || changes[0].(fields)["uid"] != note.UID {
				t.Errorf("%s: %v", query, changes)
			}
		}
		alice.call("POST", "/v1/undo", `{"change_id":"c1"}`).fails(409, "not_undoable")
		if undone := alice.call("POST", "/v1/undo", `{"last":true}`, client).is(200); !strings.Contains(string(undone.body), note.UID) {
			t.Errorf("%s", undone.body)
		}
		newest := p.gateway().call("GET", "/v1/operator/journal", "", unset("Authorization")).is(200).member("lines").([]any)
		if last := newest[1].(fields); last["change"] != "disabled" || last["subject"] != "alice" || last["kind"] != "" {
			t.Errorf("%v", newest)
		}
		session := alice.call("GET", "/v1/sync/state", "").is(200)
		alice.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		p.asks("accounts/enable", fields{"id": added.text("account", "id")}).is(200)
		p.signsIn("ann", goodPassword).is(200) // a wipe takes what the user has, not the account
		if after := alice.call("GET", "/v1/sync/state", "").is(200); after.member("epoch") == session.member("epoch") {
			t.Error("nothing was wiped")
		}
		if changes := alice.call("GET", "/v1/changes", "").is(200).member("changes").([]any); len(changes) != 0 {
			t.Errorf("%v", changes)
		}
	})
}

func TestALogSaysWhoSignedInAndNeverWhatWasTyped(t *testing.T) {
	t.Parallel()
	p := start(t, embedded)
	ann := p.joins("ann")
	p.signsIn("my secret typed here", "another secret")
	p.signsIn("ann", "a wrong secret", fields{"address": "2001:db8::7"})
	p.signsIn("ann", goodPassword)
	if metrics := p.scrape(); metrics.sum("toolbridge_api_sign_ins_total", "result=refused") != 2 ||
		metrics.sum("toolbridge_api_sign_ins_total", "result=ok") != 2 {
		t.Error("the metrics do not say how many signed in")
	}
	p.finish()
	log := p.log.String()
	for _, want := range []string{
		`"msg":"sign-in","result":"ok","by":"link","address":"192.0.2.1","account":"` + ann.id + `","subject":"` + ann.subject + `"`,
		`"msg":"sign-in","result":"refused","by":"password","address":"192.0.2.1","correlation_id"`,
		`"msg":"sign-in","result":"refused","by":"password","address":"2001:db8::/64","account":"` + ann.id + `"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	for _, secret := range []string{"secret", goodPassword, ann.session, ann.browser, "tbs_", "tbl_", "tbb_"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}
