package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

func withQuota(quota item.Quota) func(*httpapi.API) {
	return func(api *httpapi.API) { api.Items.Quota = quota }
}

func TestAUserHasSoManyItemsAndNoMore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		p := start(t, withQuota(item.Quota{Items: 3}))
		u, bob := p.user("alice"), p.user("bob")
		one := "/v1/notes/" + u.has(find("note"), "").UID
		other := "/v1/tasks/" + u.has(find("task"), "").UID
		u.has(find("chat"), "")
		const says = "you have 3 items, and one user may have 3; delete items that you no longer need, then try again"
		refused := u.call("POST", "/v1/notes", "{}").fails(507, "quota_exceeded").says(says)
		if refused.detail("limit") != "items" || refused.detail("used") != 3.0 || refused.detail("most") != 3.0 {
			t.Errorf("%s", refused.body)
		}
		acks := u.push(find("note"), `{"uid":"`+numbered(1)+`","updatedTs":"1000"}`, `{"uid":"`+strings.TrimPrefix(one, "/v1/notes/")+`","a":1,"updatedTs":"2099-01-01T00:00:00Z"}`)
		if want := (ack{numbered(1), 1, "1970-01-01T00:00:01Z", says}); acks[0] != want || acks[1].Error != "" || acks[1].Version != 2 {
			t.Errorf("%+v", acks)
		}
		u.call("PATCH", one, `{"title":"longer"}`).is(200)
		u.call("PUT", one, `{"title":"another"}`).is(200)
		u.call("POST", one+"/archive", "").is(200)
		bob.has(find("note"), "")
		if strings.Contains(p.log.String(), `"level":"ERROR"`) {
			t.Error("a user at the quota is logged as an error")
		}
		u.call("DELETE", one, "").is(200)
		u.has(find("note"), "")
		u.call("POST", "/v1/notes", "{}").fails(507, "quota_exceeded")
		u.call("DELETE", other, "").is(200)
		if acks := u.push(find("note"), `{"uid":"`+numbered(2)+`"}`); acks[0].Error != "" {
			t.Errorf("%+v", acks)
		}
		u.call("POST", "/v1/sync/wipe", `{"confirm":"WIPE"}`).is(200)
		for range 3 {
			u.has(find("note"), "")
		}
		u.call("POST", "/v1/notes", "{}").fails(507, "quota_exceeded")
	})
}

func TestAUsersItemsTakeSoManyBytesAndNoMore(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, withQuota(item.Quota{Bytes: 10_000})).user("alice")
		text := func(n int) string { return `{"text":"` + strings.Repeat("x", n) + `"}` }
		large := "/v1/notes/" + u.call("POST", "/v1/notes", text(6000)).is(201).item().UID
		small := "/v1/tasks/" + u.call("POST", "/v1/tasks", text(3000)).is(201).item().UID
		for _, row := range [][3]string{
			{"POST", "/v1/notes", text(1500)}, {"PATCH", small, text(4500)}, {"PUT", large, text(7500)}, {"PATCH", large, `{"more":"` + strings.Repeat("x", 2000) + `"}`},
		} {
			refused := u.call(row[0], row[1], row[2]).fails(507, "quota_exceeded")
			used, _ := refused.detail("used").(float64)
			needed, _ := refused.detail("needed").(float64)
			if refused.detail("limit") != "bytes" || refused.detail("most") != 10_000.0 || used < 9_200 || used > 9_600 || used+needed <= 10_000 {
				t.Errorf("%s", refused.body)
			}
			refused.says(fmt.Sprintf("your items take %.0f bytes and this write needs %.0f more, but one user may have 10000; "+
				"delete or shorten items, then try again", used, needed))
		}
		acks := u.push(find("note"), `{"uid":"`+numbered(1)+`","t":"`+strings.Repeat("x", 2000)+`"}`, `{"uid":"`+numbered(2)+`"}`)
		if !strings.HasPrefix(acks[0].Error, "your items take 9") || acks[1].Error != "" {
			t.Errorf("%+v", acks)
		}
		u.call("PATCH", large, text(5990)).is(200) // it shrinks
		u.call("PUT", large, text(100)).is(200)
		u.call("POST", "/v1/notes", text(1500)).is(201)
		u.call("DELETE", small, "").is(200)
		u.call("POST", "/v1/notes", text(7000)).is(201)
		if got := u.call("GET", "/v1/tasks?includeDeleted=true", "").page(); len(got.Items) != 0 {
			t.Errorf("the tombstone kept its place: %+v", got)
		}
	})
}

// TestTombstonesFillNothing: who creates and deletes again and again does not take
// more than the quota.
func TestTombstonesFillNothing(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t, withQuota(item.Quota{Items: 150, Bytes: 50_000})).user("alice")
		for n := range 300 {
			if n%2 == 0 {
				u.push(find("note"), fmt.Sprintf(`{"uid":"%s","sync":{"isDeleted":true},"text":"%s"}`, numbered(n), strings.Repeat("x", 1000)))
				continue
			}
			made := u.call("POST", "/v1/notes", `{"text":"`+strings.Repeat("x", 1000)+`"}`).is(201).item()
			u.call("DELETE", "/v1/notes/"+made.UID, "").is(200)
		}
		all := u.call("GET", "/v1/notes?includeDeleted=true&limit=1000", "").is(200)
		if n := len(all.page().Items); n == 0 || n > 150 || len(all.body) > 70_000 {
			t.Errorf("%d tombstones of %d bytes", n, len(all.body))
		}
	})
}

func TestTheQuotaIsPublishedAndMayBeOff(t *testing.T) {
	t.Parallel()
	limits := func(quota item.Quota) map[string]any {
		info := start(t, withQuota(quota)).send("GET", "/v1/sync/info", "", nil).is(200).json()
		found, _ := info["limits"].(map[string]any)
		return found
	}
	if got := limits(item.Quota{Items: 3, Bytes: 5}); got["maxUserItems"] != 3.0 || got["maxUserBytes"] != 5.0 {
		t.Errorf("%v", got)
	}
	got := limits(item.Quota{})
	for _, name := range []string{"maxUserItems", "maxUserBytes"} {
		if _, given := got[name]; given {
			t.Errorf("%v", got)
		}
	}
}
