package httpapi_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

func TestArchiveAndProcessWriteWhatTheTableSays(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, `"title":"kept","status":"odd"`).UID
		check := func(what string, got itemJSON, written entity.Assignment) {
			t.Helper()
			for key, want := range written {
				if !reflect.DeepEqual(got.Payload[key], want) {
					t.Errorf("%s: payload.%s is %v, want %v", what, key, got.Payload[key], want)
				}
			}
			if got.Payload["title"] != "kept" {
				t.Errorf("%s: lost a key: %v", what, got.Payload)
			}
		}
		for range 2 {
			check("archive", u.call("POST", one+"/archive", "not read").is(200).item(), e.Archive)
			for name, written := range e.Actions {
				got := u.call("POST", one+"/process", `{"action":"`+name+`"}`).is(200).item()
				check(name, got, written)
			}
		}
	})
}

func TestTheActionsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"notes": {"archive", "pin", "unarchive", "unpin"}, "tasks": {"complete", "reopen", "start"},
		"comments": {"reopen", "resolve"}, "chats": {"reopen", "resolve"}, "chat_messages": {"mark_delivered", "mark_read"},
	}
	for _, e := range entity.Table {
		if names, ok := want[e.Segment]; ok && !reflect.DeepEqual(e.ActionNames(), names) {
			t.Errorf("%s: %v", e.Segment, e.ActionNames())
		}
		delete(want, e.Segment)
	}
	if len(want) > 0 {
		t.Errorf("not in the table: %v", want)
	}
}

func TestAnUnknownActionIsRefusedWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		name := e.ActionNames()[0]
		for body, echoed := range map[string]string{
			`{"action":"fly"}`: "fly", `{"action":"` + strings.ToUpper(name) + `"}`: strings.ToUpper(name),
			`{"action":""}`: "none", `{}`: "none", `{"action":null}`: "none",
			`{"action":"` + strings.Repeat("ä", 200) + `"}`: strings.Repeat("ä", 100) + "…",
		} {
			got := u.call("POST", one+"/process", body).fails(400, "invalid_action")
			if sentence, _ := got.json()["error"].(string); !strings.HasPrefix(sentence, "invalid action: "+echoed+" (use ") {
				t.Errorf("says %s", sentence)
			}
			if actions, _ := got.detail("actions").([]any); len(actions) != len(e.Actions) {
				t.Errorf("details %s", got.body)
			}
		}
		if stored := u.call("GET", one, "").item(); stored.Version != 1 {
			t.Errorf("version %d", stored.Version)
		}
	})
}

func TestTheSentenceAboutAnUnknownActionListsTheKnownOnes(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for kind, known := range map[entity.Kind]string{
		"note": "archive, pin, unarchive or unpin", "task": "complete, reopen or start", "chat": "reopen or resolve",
	} {
		one := path(find(kind)) + "/" + u.has(find(kind), "").UID
		u.call("POST", one+"/process", `{"action":"zz"}`).fails(400, "invalid_action").says("invalid action: zz (use " + known + ")")
	}
}

func TestMetadataOfProcessIsAnObjectAndDiscarded(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := "/v1/tasks/" + u.has(find("task"), "").UID
	for _, metadata := range []string{`{}`, `{"why":{"deep":1}}`, `null`} {
		got := u.call("POST", one+"/process", `{"action":"start","metadata":`+metadata+`}`).is(200).item()
		if _, kept := got.Payload["metadata"]; kept || got.Payload["why"] != nil {
			t.Errorf("payload %v", got.Payload)
		}
	}
	for _, row := range []struct{ body, field, sentence string }{
		{`{"action":"start","metadata":"why"}`, "metadata", "metadata must be an object"},
		{`{"action":"start","metadata":[]}`, "metadata", "metadata must be an object"},
		{`{"metadata":1}`, "metadata", "metadata must be an object"},
		{`{"action":5}`, "action", "action must be a string"},
		{`{"action":{"name":"start"}}`, "action", "action must be a string"},
	} {
		got := u.call("POST", one+"/process", row.body).fails(http.StatusBadRequest, "invalid_json").says(row.sentence)
		if got.detail("field") != row.field {
			t.Errorf("details %s", got.body)
		}
	}
}

func TestTheKeysOfProcessCountOnlyInTheirSpelling(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	one := "/v1/tasks/" + u.has(find("task"), "").UID
	for body, field := range map[string]string{
		`{"Action":"start"}`: "Action", `{"action":"start","ACTION":"start"}`: "ACTION", `{"action":"start","Metadata":{}}`: "Metadata",
	} {
		got := u.call("POST", one+"/process", body).fails(400, "invalid_json")
		if got.detail("field") != field {
			t.Errorf("%s: %s", body, got.body)
		}
	}
	u.call("POST", one+"/process", `{}`).fails(400, "invalid_action")
}
