package httpapi_test

import (
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// TestAnItemHasOneSpellingOfItsUID: small letters go out, whatever case comes in.
func TestAnItemHasOneSpellingOfItsUID(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		u.create(e, 0, strings.Trim(u.body(e, `"n":0`), "{}"))
		capitals := strings.ToUpper(someUID)
		parent := strings.Trim(u.body(e, ""), "{}")
		inCapitals := strings.ReplaceAll(parent, parentUID(e, parent), strings.ToUpper(parentUID(e, parent)))
		members := strings.TrimPrefix(inCapitals+`,"uid":"`+capitals+`","updatedTs":"1000"`, ",")
		if acks := u.push(e, "{"+members+"}"); acks[0].UID != someUID || acks[0].Error != "" {
			t.Fatalf("%+v", acks)
		}
		u.call("POST", path(e), "{"+members+"}").fails(409, "uid_exists")
		one := path(e) + "/" + capitals
		bodies := []string{
			string(u.call("GET", one, "").is(200).body),
			string(u.call("PATCH", one, "{"+members+`,"n":1}`).is(200).body),
			string(u.call("PUT", one, "{"+members+`,"n":2}`).is(200).body),
			string(u.call("POST", one+"/archive", "").is(200).body),
			string(u.call("POST", one+"/process", `{"action":"`+e.ActionNames()[0]+`"}`).is(200).body),
			string(u.call("GET", path(e), "").is(200).body),
			string(u.call("GET", syncPath(e, "pull"), "").is(200).body),
			string(u.call("DELETE", one, "").is(200).body),
			string(u.call("GET", syncPath(e, "pull"), "").is(200).body),
			string(u.call("GET", one+"?includeDeleted=true", "").is(200).body),
		}
		for n, body := range bodies {
			if strings.Contains(body, capitals) || !strings.Contains(body, someUID) {
				t.Errorf("answer %d: %s", n, body)
			}
			if own := parentUID(e, parent); own != "" && strings.Contains(body, strings.ToUpper(own)) {
				t.Errorf("answer %d has the parent in capitals: %s", n, body)
			}
		}
	})
}

// parentUID is the uid of the parent that members name; empty for none. It has
// letters, as a uid without any has one spelling only.
func parentUID(e *entity.Entity, members string) string {
	if e.Parent == nil {
		return ""
	}
	_, rest, _ := strings.Cut(members, `"`+e.Parent.UIDKey+`":"`)
	uid, _, _ := strings.Cut(rest, `"`)
	return uid
}

func TestAUIDInBracesOrWithAPrefixIsRefused(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		for _, uid := range []string{"{" + someUID + "}", "urn:uuid:" + someUID, "URN:UUID:" + strings.ToUpper(someUID)} {
			u.call("GET", path(e)+"/"+strings.ReplaceAll(strings.ReplaceAll(uid, "{", "%7B"), "}", "%7D"), "").fails(400, "invalid_uid")
			got := u.call("POST", path(e), u.body(e, `"uid":"`+uid+`"`)).fails(422, "invalid_field")
			if got.detail("field") != "uid" {
				t.Errorf("%s", got.body)
			}
			if acks := u.push(e, u.body(e, `"uid":"`+uid+`"`)); acks[0].Error != "missing or invalid uid" {
				t.Errorf("%+v", acks)
			}
			u.call("GET", "/v1/comments?parentUid="+uid, "").fails(400, "invalid_filter")
			u.call("GET", path(e), "", set("X-Sync-Session", uid)).fails(428, "session_invalid")
		}
	})
}
