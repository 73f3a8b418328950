package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

type overview struct {
	Now, Timezone, Today                 string
	DueWithinDays                        int
	Counts                               map[string]counts
	Overdue, DueSoon, InProgress, Unread section
	LastChanged                          map[string][]summary
}

type counts struct {
	section
	States     map[string]section
	MoreStates bool
}

type section struct {
	Total int
	More  bool
	Items []summary
}

type summary struct{ UID, Kind, Title string }

func (u user) overview(query string) (found overview) {
	u.t.Helper()
	body := u.call("GET", "/v1/overview"+query, "").is(200).body
	if err := json.Unmarshal(body, &found); err != nil {
		u.t.Fatal(err)
	}
	return found
}

// titles are those of a section, and its total.
func (s section) titles() string {
	var all []string
	for _, each := range s.Items {
		all = append(all, each.Title)
	}
	return fmt.Sprint(all, s.Total)
}

func TestAnOverviewSaysWhatIsThereAndWhatIsDue(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice") // 2026-11-20T06:15:34.04Z, a Friday
		if empty := u.overview(""); len(empty.Counts) != 5 || empty.Overdue.titles() != "[] 0" || empty.LastChanged["note"] == nil || empty.DueWithinDays != 7 {
			t.Errorf("of nothing: %+v", empty)
		}
		task := func(title, due, status string) string {
			return u.has(find("task"), `"title":"`+title+`","dueDate":"`+due+`","status":"`+status+`"`).UID
		}
		task("long ago", "2026-01-01", "open")
		task("done", "2026-01-01", "done")
		task("yesterday", "2026-11-19", "open")
		task("today", "2026-11-20", "in_progress")
		task("an hour ago", "2026-11-20T05:15:34Z", "open")
		task("in an hour", "2026-11-20T07:15:34Z", "open")
		task("the last day", "2026-11-27", "open")
		task("its last second", "2026-11-27T23:59:59Z", "open")
		task("too late", "2026-11-28", "open")
		u.call("DELETE", "/v1/tasks/"+task("gone", "2026-11-20", "in_progress"), "").is(200)
		u.has(find("note"), `"title":"a note","status":"active"`)
		chat := u.has(find("chat"), `"title":"a chat"`).UID
		for n, members := range []string{`"content":"first"`, `"content":"second","read":true`, `"content":"third\nmore"`} {
			u.clock.advance(time.Millisecond)
			u.call("POST", "/v1/chat_messages", fmt.Sprintf(`{"chatUid":%q,"n":%d,%s}`, chat, n, members)).is(201)
		}
		u.user("bob").has(find("task"), `"title":"another's","dueDate":"2026-01-01"`)
		got := u.overview("")
		for name, row := range map[string][2]string{
			"overdue":     {got.Overdue.titles(), "[long ago yesterday an hour ago] 3"},
			"due soon":    {got.DueSoon.titles(), "[today in an hour the last day its last second] 4"},
			"in progress": {got.InProgress.titles(), "[today] 1"},
			"unread":      {got.Unread.titles(), "[third first] 2"},
			"notes":       {fmt.Sprint(got.LastChanged["note"][0].Title, len(got.LastChanged["task"]), got.LastChanged["chat"][0].Title, len(got.LastChanged)), "a note9a chat3"},
			"counts":      {fmt.Sprint(got.Counts["task"].Total, got.Counts["task"].States["open"].Total, got.Counts["task"].States["in_progress"].Total, got.Counts["chat_message"].Total), "9 7 1 3"},
			"states":      {fmt.Sprint(len(got.Counts["task"].States), len(got.Counts["chat"].States), got.Counts["note"].States["active"].Total), "3 0 1"},
			"today":       {got.Now + " " + got.Today + " " + got.Timezone, "2026-11-20T06:15:34.043Z 2026-11-20 UTC"},
		} {
			if row[0] != row[1] {
				t.Errorf("%s: %s, want %s", name, row[0], row[1])
			}
		}
		for query, want := range map[string][2]string{
			"?dueWithinDays=0":                              {"[long ago yesterday an hour ago] 3", "[today in an hour] 2"},
			"?dueWithinDays=365&timezone=UTC":               {"[long ago yesterday an hour ago] 3", "[today in an hour the last day its last second too late] 5"},
			"?dueWithinDays=1&timezone=Pacific/Kiritimati":  {"[long ago yesterday an hour ago] 3", "[today in an hour] 2"}, // 20:15 on the 20th
			"?dueWithinDays=1&timezone=%2B18:00":            {"[long ago yesterday today an hour ago] 4", "[in an hour] 1"}, // 00:15 on the 21st
			"?dueWithinDays=0&timezone=America/Los_Angeles": {"[long ago an hour ago] 2", "[yesterday in an hour] 2"},       // 22:15 on the 19th
			"?dueWithinDays=1&timezone=-07":                 {"[long ago an hour ago] 2", "[yesterday today in an hour] 3"},
			"?dueWithinDays=8&timezone=America/Los_Angeles": {"[long ago an hour ago] 2", "[yesterday today in an hour the last day its last second] 5"},
			"?dueWithinDays=7&timezone=Asia/Kolkata":        {"[long ago yesterday an hour ago] 3", "[today in an hour the last day] 3"},
		} {
			if found := u.overview(query); found.Overdue.titles() != want[0] || found.DueSoon.titles() != want[1] {
				t.Errorf("%s: overdue %s, due soon %s, want %v", query, found.Overdue.titles(), found.DueSoon.titles(), want)
			}
		}
	})
}

func TestAnOverviewIsBounded(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		var items []string
		for n := range 90 {
			items = append(items, fmt.Sprintf(`{"uid":%q,"updatedTs":"1000","title":"t%02d","dueDate":"2026-01-01","status":"s%02d"}`, numbered(n), n, n%60))
		}
		u.push(find("task"), items...)
		found := u.overview("")
		if len(found.Overdue.Items) != 10 || found.Overdue.Total != 90 || found.Overdue.More || len(found.LastChanged["task"]) != 10 {
			t.Errorf("%+v", found)
		}
		if tasks := found.Counts["task"]; len(tasks.States) != 50 || !tasks.MoreStates || tasks.Total != 90 || tasks.States["s00"].Total != 2 || found.Counts["note"].MoreStates {
			t.Errorf("%+v", tasks)
		}
		if !slices.IsSortedFunc(found.Overdue.Items, func(a, b summary) int { return strings.Compare(a.UID, b.UID) }) {
			t.Errorf("%+v", found.Overdue)
		}
	})
}

func TestAWrongQuestionForAnOverviewIsRefused(t *testing.T) {
	t.Parallel()
	u := start(t).user("alice")
	for query, field := range map[string]string{
		"dueWithinDays=-1": "dueWithinDays", "dueWithinDays=366": "dueWithinDays", "dueWithinDays=1.5": "dueWithinDays", "dueWithinDays=": "dueWithinDays",
		"dueWithinDays=1&dueWithinDays=1": "dueWithinDays", "timezone=": "timezone", "timezone=Local": "timezone", "timezone=local": "timezone",
		"timezone=Europe": "timezone", "timezone=../../etc/passwd": "timezone", "timezone=/etc/localtime": "timezone", "timezone=Mars/Olympus": "timezone",
		"timezone=%2B25:00": "timezone", "timezone=%2B2": "timezone", "timezone=UTC&timezone=UTC": "timezone", "timezone=%00": "timezone",
		"timezone=" + strings.Repeat("a", 300): "timezone", "days=7": "days",
	} {
		if got := u.call("GET", "/v1/overview?"+query, "").fails(400, "invalid_query"); got.detail("field") != field {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	for sent, want := range map[string]string{"+02:00": "+02:00", "%2B0530": "+05:30", "-07": "-07:00", "Europe/Berlin": "Europe/Berlin", "UTC": "UTC"} {
		if got := u.overview("?timezone=" + sent).Timezone; got != want {
			t.Errorf("%s: %s", sent, got)
		}
	}
	u.call("POST", "/v1/overview", "").fails(405, "method_not_allowed")
}
