package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/httpapi"
	"toolbridge/api/internal/item"
)

type page struct {
	Items      []itemJSON
	NextCursor *string
}

func (a answer) page() page {
	a.t.Helper()
	var found page
	if err := json.Unmarshal(a.body, &found); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.request, err, a.body)
	}
	return found
}

func uids(items []itemJSON) []string {
	found := make([]string, len(items))
	for i, each := range items {
		found[i] = each.UID
	}
	return found
}

func TestAListIsWalkedPageByPage(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		empty := u.call("GET", path(e), "").is(200)
		if string(empty.body) != `{"items":[]}` {
			t.Errorf("empty list %s", empty.body)
		}
		keys := strings.Trim(u.body(e, ""), "{}")
		if keys != "" {
			keys += ","
		}
		var want []string
		for n := range 7 { // in one millisecond of the clock, and against the order of uids
			uid := fmt.Sprintf("00000000-0000-4000-8000-%012d", 9-n)
			u.call("POST", path(e), "{"+keys+`"uid":"`+uid+`"}`).is(201)
			want = append(want, uid)
		}
		for _, limit := range []int{1, 2, 3, 7, 8, 1000} {
			var got []string
			cursor := ""
			for {
				page := u.call("GET", fmt.Sprintf("%s?limit=%d%s", path(e), limit, cursor), "").is(200).page()
				got = append(got, uids(page.Items)...)
				if page.NextCursor == nil {
					break
				}
				if len(page.Items) != limit {
					t.Errorf("limit %d: a page of %d in the middle", limit, len(page.Items))
				}
				cursor = "&cursor=" + *page.NextCursor
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d: walked %v", limit, got)
			}
		}
		u.call("PATCH", path(e)+"/"+want[0], `{"changed":true}`).is(200)
		moved := append(slices.Clone(want[1:]), want[0])
		if got := uids(u.call("GET", path(e), "").page().Items); !slices.Equal(got, moved) {
			t.Errorf("after a change %v", got)
		}
		u.call("DELETE", path(e)+"/"+want[3], "").is(200)
		if got := u.call("GET", path(e), "").page().Items; slices.Contains(uids(got), want[3]) {
			t.Error("a tombstone is listed")
		}
		for query, listed := range map[string]bool{"true": true, "1": false, "TRUE": false, "": false} {
			got := uids(u.call("GET", path(e)+"?includeDeleted="+query, "").page().Items)
			if slices.Contains(got, want[3]) != listed {
				t.Errorf("includeDeleted=%s: %v", query, got)
			}
		}
	})
}

func TestAListedItemIsTheItem(t *testing.T) {
	t.Parallel()
	forEachEntity(t, func(t *testing.T, u user, e *entity.Entity) {
		one := u.call("POST", path(e), u.body(e, `"n":1.10`)).is(201)
		list := u.call("GET", path(e), "").is(200)
		if want := `{"items":[` + string(one.body) + `]}`; string(list.body) != want {
			t.Errorf("list %s\nwant %s", list.body, want)
		}
	})
}

// reader walks to the end of a list again and again, as a client does that wants
// to hear of every change.
type reader struct {
	user
	path   string
	byItem bool             // continues after the last item it saw, not at the last nextCursor
	cursor string           // of the query
	seen   map[string]int64 // uid to the last version seen
}

// read takes one page, and says whether it was the last.
func (r *reader) read() (end bool) {
	page := r.call("GET", r.path+"?limit=3"+r.cursor, "").is(200).page()
	for _, found := range page.Items {
		r.seen[found.UID] = found.Version
	}
	switch {
	case r.byItem && len(page.Items) > 0:
		last := page.Items[len(page.Items)-1]
		r.cursor = "&cursor=" + item.Cursor{At: item.MillisOf(parse(r.t, last.UpdatedAt)), UID: last.UID}.String()
	case page.NextCursor != nil:
		r.cursor = "&cursor=" + *page.NextCursor
	}
	return page.NextCursor == nil
}

func TestAReaderAtTheEndOfAListMissesNothing(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		busy, keys := u.has(e, ""), strings.Trim(u.body(e, ""), "{}")
		readers := []*reader{
			{user: u, path: path(e), byItem: true, seen: map[string]int64{}},
			{user: u.on(u.twin()), path: path(e), byItem: false, seen: map[string]int64{}},
		}
		written := make(chan struct{})
		var reading sync.WaitGroup
		for _, r := range readers {
			reading.Go(func() {
				for over := false; !over; {
					select {
					case <-written:
						over = r.read() // the last page, of all that there will be
					default:
						r.read()
					}
				}
			})
		}
		var mu sync.Mutex
		last := map[string]int64{busy.UID: 1}
		u.atOnce(60, func(u user, i int) answer {
			if i%10 == 0 {
				u.clock.advance(time.Millisecond)
			}
			method, where := "POST", path(e)
			if i%3 == 0 { // a busy item runs ahead of the clock
				method, where = "PATCH", path(e)+"/"+busy.UID
			}
			got := u.call(method, where, "{"+keys+"}")
			mu.Lock()
			defer mu.Unlock()
			last[got.item().UID] = max(last[got.item().UID], got.item().Version)
			return got
		})
		close(written)
		reading.Wait()
		for _, r := range readers {
			if !maps.Equal(r.seen, last) {
				t.Errorf("by last item %v: saw %d items of %d, the busy one at version %d of %d",
					r.byItem, len(r.seen), len(last), r.seen[busy.UID], last[busy.UID])
			}
		}
	})
}

func TestTheCursorIsTimeAndUID(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	first := u.has(find("note"), `"uid":"`+someUID+`"`)
	u.has(find("note"), `"uid":"ffffffff-bbbb-4ccc-8ddd-eeeeeeeeeeee"`)
	page := u.call("GET", "/v1/notes?limit=1", "").is(200).page()
	if len(page.Items) != 1 || page.Items[0].UID != first.UID || page.NextCursor == nil {
		t.Fatalf("page %+v", page)
	}
	want := fmt.Sprintf("%d|%s", u.clock.Now().UnixMilli(), first.UID)
	if got, err := base64.RawURLEncoding.DecodeString(*page.NextCursor); err != nil || string(got) != want {
		t.Errorf("cursor %s, %v, want %s", got, err, want)
	}
}

func TestABadCursorOrLimitIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	good := encode("1|" + someUID)
	for _, row := range []struct{ name, query, code string }{
		{"garbage", "cursor=!!", "invalid_cursor"},
		{"an empty cursor", "cursor=", "invalid_cursor"},
		{"a padded cursor", "cursor=" + url.QueryEscape(base64.URLEncoding.EncodeToString([]byte("1|"+someUID))), "invalid_cursor"},
		{"a cursor with a bad uid", "cursor=" + encode("1|x"), "invalid_cursor"},
		{"a cursor with an upper-case uid", "cursor=" + encode("1|"+strings.ToUpper(someUID)), "invalid_cursor"},
		{"a cursor without time", "cursor=" + encode("|"+someUID), "invalid_cursor"},
		{"a cursor with a time that overflows", "cursor=" + encode("99999999999999999999|"+someUID), "invalid_cursor"},
		{"a cursor without separator", "cursor=" + encode("1"), "invalid_cursor"},
		{"a cursor with a line break", "cursor=" + good[:4] + "%0A" + good[4:], "invalid_cursor"},
		{"two cursors", "cursor=" + good + "&cursor=" + good, "invalid_cursor"},
		{"a broken escape", "cursor=%zz", "invalid_query"},
		{"a broken escape in a parameter that nobody reads", "x=%", "invalid_query"},
		{"a semicolon", "limit=1;cursor=" + good, "invalid_query"},
		{"limit 0", "limit=0", "invalid_limit"},
		{"maxBytes 0", "maxBytes=0", "invalid_limit"},
		{"maxBytes that is no number", "maxBytes=1k", "invalid_limit"},
		{"a negative limit", "limit=-1", "invalid_limit"},
		{"a limit in words", "limit=ten", "invalid_limit"},
		{"a fraction", "limit=1.5", "invalid_limit"},
		{"an empty limit", "limit=", "invalid_limit"},
		{"a negative limit that overflows", "limit=-99999999999999999999", "invalid_limit"},
		{"a long limit with a letter", "limit=99999999999999999999x", "invalid_limit"},
		{"two limits", "limit=1&limit=2", "invalid_limit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := u.within(t)
			for _, e := range entity.Table {
				u.call("GET", path(e)+"?"+row.query, "").fails(400, row.code)
			}
		})
	}
	for _, path := range []string{"/v1/notes", "/v1/notes/" + someUID} {
		u.call("GET", path+"?includeDeleted=%zz", "").fails(400, "invalid_query").
			says(`invalid query string: invalid URL escape "%zz"; separate parameters by & and percent-encode their values`)
	}
	for _, query := range []string{"cursor=" + good, "limit=%2B2", "limit=1000", "limit=1001", "limit=2147483648"} {
		u.call("GET", "/v1/notes?"+query, "").is(200)
	}
}

func TestAPageHasFiveHundredItemsOrAThousandAtMost(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for batch := range 11 {
		var notes []string
		for n := range 91 {
			notes = append(notes, fmt.Sprintf(`{"uid":"%08d-0000-4000-8000-%012d"}`, batch, n))
		}
		u.call("POST", "/v1/sync/notes/push", `{"items":[`+strings.Join(notes, ",")+`]}`).is(200)
	}
	for query, want := range map[string]int{"": 500, "?limit=1000": 1000, "?limit=5000": 1000, "?limit=9223372036854775808": 1000, "?limit=%2B99999999999999999999": 1000} {
		page := u.call("GET", "/v1/notes"+query, "").is(200).page()
		if len(page.Items) != want || page.NextCursor == nil {
			t.Errorf("%q: %d items, next cursor %v", query, len(page.Items), page.NextCursor)
		}
	}
}

func TestAClientCanAskForSmallPages(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for range 5 {
		u.call("POST", "/v1/notes", `{"a":"`+strings.Repeat("x", 1000)+`"}`).is(201)
	}
	for maxBytes, want := range map[string]int{"1": 1, "2500": 2, "99999999999999999999": 5} {
		page := u.call("GET", "/v1/notes?maxBytes="+maxBytes, "").is(200).page()
		if len(page.Items) != want || (page.NextCursor == nil) != (want == 5) {
			t.Errorf("maxBytes %s: %d items, next cursor %v", maxBytes, len(page.Items), page.NextCursor)
		}
	}
}

func TestAPageOfLargeItemsIsShortAndTheWalkStillWhole(t *testing.T) {
	t.Parallel()
	const most = 4 << 20
	u := start(t, func(api *httpapi.API) { api.MaxBodyBytes, api.Items.MaxString = 2*most, 2*most }).user("alice")
	var want []string
	for _, size := range []int{1, 1, 1, 1, 1, 5, 3, 1, 5} { // MiB, or a little less
		body := `{"a":"` + strings.Repeat("x", size<<20-200) + `"}`
		want = append(want, u.call("POST", "/v1/notes", body).is(201).item().UID)
	}
	var got []string
	var counts []int
	for cursor, more := "", true; more; {
		list := u.call("GET", "/v1/notes?limit=1000"+cursor, "").is(200)
		page := list.page()
		if len(list.body) > most+1000 {
			t.Errorf("%d items of together %d bytes", len(page.Items), len(list.body))
		}
		got, counts = append(got, uids(page.Items)...), append(counts, len(page.Items))
		if more = page.NextCursor != nil; more {
			cursor = "&cursor=" + *page.NextCursor
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(counts, []int{4, 2, 2, 1}) {
		t.Errorf("pages of %v items, walked %v", counts, got)
	}
}

func TestAnItemThatIsTooLargeForAPageComesWithoutItsPayload(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		for n, size := range []int{10, 400_000, 10, 400_000} {
			u.call("POST", path(e), u.body(e, `"uid":"`+numbered(n)+`","tags":["a"],"text":"`+strings.Repeat("x", size)+`"`)).is(201)
		}
		u.call("DELETE", path(e)+"/"+numbered(3), "").is(200)
		for _, query := range []string{"", "&tag=a", "&archived=false", "&updatedSince=2026-01-01"} {
			var walked []string
			for cursor, more := "", true; more; {
				list := u.call("GET", path(e)+"?limit=2&includeDeleted=true&maxBytes=250000"+query+cursor, "").is(200)
				page := list.page()
				walked = append(walked, uids(page.Items)...)
				if len(list.body) > 5_000 {
					t.Errorf("%s: %d bytes", query, len(list.body))
				}
				if more = page.NextCursor != nil; more {
					cursor = "&cursor=" + *page.NextCursor
				}
			}
			if want := []string{numbered(0), numbered(1), numbered(2), numbered(3)}; !slices.Equal(walked, want) {
				t.Errorf("%s: walked %v", query, walked)
			}
		}
		const note = "The payload is not shown here: it is too large for this page. Read the item alone."
		list := u.call("GET", path(e)+"?includeDeleted=true&maxBytes=250000", "").is(200)
		var found struct{ Items []map[string]any }
		if err := json.Unmarshal(list.body, &found); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 3} {
			shown, alone := found.Items[n], u.call("GET", path(e)+"/"+numbered(n)+"?includeDeleted=true", "").is(200)
			whole := alone.item()
			want := map[string]any{
				"uid": whole.UID, "version": float64(whole.Version), "updatedAt": whole.UpdatedAt, "size": float64(len(object(t, alone))), "note": note,
			}
			if n == 3 {
				want["deletedAt"] = whole.DeletedAt
			}
			if !maps.Equal(shown, want) {
				t.Errorf("shown as %v, want %v", shown, want)
			}
		}
		if pulled := u.pull(e, "?maxBytes=250000&limit=2"); len(pulled.Upserts) != 1 || pulled.NextCursor == nil {
			t.Errorf("pulled %d", len(pulled.Upserts))
		}
		cursor := *u.pull(e, "?maxBytes=250000&limit=1").NextCursor
		if pulled := u.pull(e, "?maxBytes=250000&limit=2&cursor="+cursor); len(pulled.Upserts) != 1 || len(pulled.Upserts[0]) < 400_000 {
			t.Errorf("a client's copy must be whole: pulled %d", len(pulled.Upserts))
		}
	})
}
