package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
)

// namedJSON is what a reference names.
type namedJSON struct {
	Ref, Kind string
	Item      struct {
		itemJSON
		Size int
		Note string
	}
	Error struct {
		Error, Code, DeletedAt string
		Details                struct {
			Field, Kind, UID string
			Matched          int
			More             bool
			Candidates, Near []struct {
				Kind, UID, Title string
				Deleted          bool
			}
		}
	}
}

// says is the uid, or the code with the kinds and titles that are suggested.
func (n namedJSON) says() string {
	if n.Error.Code == "" {
		return n.Kind + " " + n.Item.UID
	}
	said := n.Error.Code
	for _, each := range append(n.Error.Details.Candidates, n.Error.Details.Near...) {
		said += " " + each.Kind + ":" + each.Title
	}
	return said
}

func namedPath(references []string, more ...string) string {
	var query []string
	for _, reference := range references {
		query = append(query, "ref="+url.QueryEscape(reference))
	}
	return "/v1/items?" + strings.Join(append(query, more...), "&")
}

func (u user) named(references []string, more ...string) []namedJSON {
	u.t.Helper()
	var found struct{ Items []namedJSON }
	u.call("GET", namedPath(references, more...), "").is(200).into(&found)
	for i := range found.Items {
		if found.Items[i].Ref != references[i] {
			u.t.Errorf("%q is answered as %q", references[i], found.Items[i].Ref)
		}
	}
	if len(found.Items) != len(references) {
		u.t.Fatalf("%d answers to %d references", len(found.Items), len(references))
	}
	return found.Items
}

// names checks what each reference names.
func (u user) names(rows map[string]string, more ...string) {
	u.t.Helper()
	for reference, want := range rows {
		if got := u.named([]string{reference}, more...)[0].says(); got != want {
			u.t.Errorf("%q: %s, want %s", reference, got, want)
		}
	}
}

func TestAReferenceIsAUIDOrTheBeginningOfOne(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		kind, found := string(e.Kind), string(e.Kind)+" "+oneUID
		u.withUID(e, oneUID, `"`+e.Text[0]+`":"x"`)
		u.user("bob").withUID(e, otherUID, "")
		u.names(map[string]string{
			oneUID: found, strings.ToUpper(oneUID): found, strings.ReplaceAll(oneUID, "-", ""): found, "3f9a01bc": found, "3F9A01BC-4d21": found,
			kind + ":" + oneUID: found, kind + ":3f9a01bc": found, e.Segment + ":3f9a01bc": found, " " + strings.ToUpper(kind) + " : 3f9a01bc ": found,
			"3f9a01bd": "not_found", kind + ":3f9a01bd": "not_found", otherUID: "not_found", "3f9a01b": "not_found", kind + ":": "not_found", kind: "not_found",
		})
		whole, alone := u.named([]string{"3f9a01bc"})[0], u.call("GET", path(e)+"/"+oneUID, "").item()
		if fmt.Sprint(whole.Item.itemJSON) != fmt.Sprint(alone) {
			t.Errorf("%+v, want %+v", whole.Item, alone)
		}
		u.call("DELETE", path(e)+"/"+oneUID, "").is(200)
		u.names(map[string]string{"3f9a01bc": "deleted", oneUID: "deleted", kind + ":3f9a01bc": "deleted"})
		u.names(map[string]string{"3f9a01bc": found, kind + ":" + oneUID: found}, "includeDeleted=true")
		gone := u.named([]string{"3f9a01bc"})[0].Error
		if gone.DeletedAt == "" || gone.Details.Kind != kind || gone.Details.UID != oneUID {
			t.Errorf("%+v", gone)
		}
	})
}

func TestAReferenceIsAnExactTitle(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		milk, large := u.note("Milk", "x"), u.note("MILK", "y")
		bread := u.add("tasks", map[string]any{"title": "  Red \n\t bread  "})
		brulee := u.note("Crème BRÛLÉE", "")
		date, hex := u.note("20261128", ""), u.note("deadbeef", "")
		meeting := u.note("Task: call Ann", "")
		call := u.add("tasks", map[string]any{"title": "Call Bob"})
		remark := u.add("comments", map[string]any{"content": "Red bread\nand more", "parentType": "note", "parentUid": milk})
		only := u.add("comments", map[string]any{"content": "Well done!", "parentType": "note", "parentUid": milk})
		beginning := strings.Repeat("Ärger ", 20) // more than the 100 bytes of a sort key
		long, longer := u.note(beginning+"one", ""), u.note(beginning+"two", "")
		whole := strings.Repeat("word ", 45) // more than the 200 characters of a summary
		longest := u.note(whole+"end", "")
		u.user("bob").note("Butter", "")
		u.names(map[string]string{
			"Milk": "note " + milk, "MILK": "note " + large, " Milk ": "note " + milk, "note:Milk": "note " + milk, "notes: MILK": "note " + large, "task:Milk": "not_found",
			"milk":      "ambiguous_uid note:" + titleOf(milk < large, "Milk", "MILK") + " note:" + titleOf(milk < large, "MILK", "Milk"),
			"Red bread": "task " + bread, "red  BREAD": "task " + bread, "comment:red bread": "comment " + remark, "well done!": "comment " + only,
			"Crème brûlée": "note " + brulee, "creme brulee": "note " + brulee, "Cre\u0300me bru\u0302le\u0301e": "note " + brulee, "task:creme brulee": "not_found",
			"20261128": "note " + date, "DEADBEEF": "note " + hex, "note:deadbeef": "note " + hex, "task:deadbeef": "not_found",
			"Task: call Ann": "note " + meeting, "task: call bob": "task " + call, "Task: call": "not_found task:Call Bob",
			beginning + "One": "note " + long, beginning + "two": "note " + longer, strings.TrimSpace(beginning): "not_found note:" + beginning + "two note:" + beginning + "one",
			whole + "end": "note " + longest, whole + "END": "note " + longest, whole + "other": "not_found note:" + whole[:199] + "…",
			"Butter": "not_found", "-": "not_found", "%": "not_found", "nothing like it": "not_found", "bread": "not_found task:Red bread",
			"Mil": "not_found note:MILK note:Milk", "-Milk \"MILK": "not_found note:MILK note:Milk",
		})
		u.call("DELETE", "/v1/notes/"+large, "").is(200)
		u.names(map[string]string{"MILK": "note " + milk, "milk": "note " + milk})
		u.names(map[string]string{"MILK": "note " + milk}, "includeDeleted=true")
	})
}

func titleOf(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

func TestAnAmbiguousReferenceNamesCandidates(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		u.withUID(find("note"), oneUID, `"title":"one"`)
		u.withUID(find("task"), oneUID, `"title":"two"`)
		u.withUID(find("chat"), otherUID, `"title":"three"`)
		u.names(map[string]string{
			"3f9a01bc": "ambiguous_uid note:one task:two chat:three", oneUID: "ambiguous_uid note:one task:two",
			"note:3f9a01bc": "note " + oneUID, "task:" + oneUID: "task " + oneUID, "3f9a01bc-4d22": "chat " + otherUID,
		})
		for n := range 110 {
			u.withUID(find("note"), fmt.Sprintf("abcdef00-0000-4000-8000-%012d", n), `"title":"Same"`)
			if n == 6 {
				said := u.named([]string{"same"})[0].Error.Details
				if said.Matched != 7 || said.More || len(said.Candidates) != 5 || said.Candidates[0].UID != "abcdef00-0000-4000-8000-000000000000" {
					t.Errorf("%+v", said)
				}
			}
		}
		for _, reference := range []string{"Same", "note:same", "abcdef00"} {
			if said := u.named([]string{reference})[0].Error.Details; said.Matched != 100 || !said.More || len(said.Candidates) != 5 {
				t.Errorf("%s: %+v", reference, said)
			}
		}
		u.call("DELETE", path(find("task"))+"/"+oneUID, "").is(200)
		if said := u.named([]string{oneUID})[0].Error; said.Code != "ambiguous_uid" || !said.Details.Candidates[1].Deleted {
			t.Errorf("with a tombstone: %+v", said)
		}
	})
}

func TestReferencesAreAnsweredInTheirOrderAndWithinBounds(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		small, large, last := u.note("small", ""), u.note("large", strings.Repeat("x", 5000)), u.note("last", "")
		got := u.named([]string{"last", "none", "large", "small", "small"}, "maxBytes=1000")
		for n, want := range []string{"note " + last, "not_found", "note " + large, "note " + small, "note " + small} {
			if got[n].says() != want {
				t.Errorf("%d: %s, want %s", n, got[n].says(), want)
			}
		}
		if reduced := got[2].Item; reduced.Payload != nil || reduced.Size < 5000 || reduced.Note == "" || got[3].Item.Payload == nil || got[0].Item.Payload == nil {
			t.Errorf("%+v", got)
		}
		if whole := u.named([]string{"large"})[0].Item; whole.Payload == nil || whole.Size != 0 {
			t.Errorf("%+v", whole)
		}
		bytes := func(most string) (sum int) {
			for _, each := range u.named([]string{"small", "last", "large", "small"}, "maxBytes="+most) {
				if each.Item.Payload != nil {
					text, _ := json.Marshal(each.Item.Payload)
					sum += len(text)
				}
			}
			return sum
		}
		for _, most := range []string{"1", "200", "300", "5200", "6000"} {
			if sum := bytes(most); fmt.Sprint(sum) > most && len(fmt.Sprint(sum)) >= len(most) {
				t.Errorf("%d bytes of at most %s", sum, most)
			}
		}
		u.named(strings.Split(strings.Repeat("small,", 19)+"last", ","))
		u.named([]string{strings.Repeat("ä", 150)})
		for _, query := range []string{
			"", "?ref=", "?ref=%20", "?ref=a&ref=", "?ref=" + strings.Repeat("x", 301), "?ref=%ff", "?ref=a%00b", "?ref=" + strings.Repeat("a&ref=", 20) + "a", "?ref=a&kind=note", "?refs=a", "?ref=a&ref",
		} {
			u.call("GET", "/v1/items"+query, "").fails(400, "invalid_query")
		}
		u.call("GET", "/v1/items?ref=a&maxBytes=0", "").fails(400, "invalid_limit")
		u.call("POST", "/v1/items?ref=a", "{}").fails(405, "method_not_allowed")
		if info := u.call("GET", "/v1/sync/info", ""); !strings.Contains(string(info.body), `"items"`) {
			t.Errorf("%s", info.body)
		}
	})
}

// Every owner has the same titles and beginnings of uids, so that nothing but the owner
// keeps them apart.
func TestNobodyIsShownWhatOthersCallTheSame(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		process := start(t)
		alice, bob := process.user("alice"), process.user("bob")
		for _, title := range []string{"Milk", "Crème", "Milk and bread"} {
			bob.note(title, "secret")
		}
		bob.withUID(find("note"), oneUID, `"title":"Milk"`)
		alice.names(map[string]string{"Milk": "not_found", "milk": "not_found", "creme": "not_found", "Mil": "not_found", oneUID: "not_found", "3f9a01bc": "not_found", "note:3f9a01bc": "not_found"}, "includeDeleted=true")
		alice.withUID(find("note"), oneUID, `"title":"Mine"`)
		alice.names(map[string]string{"3f9a01bc": "note " + oneUID, "Mine": "note " + oneUID, "Milk": "not_found"})
	})
}

func TestNoReferenceIsAServerError(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, text := range append(hostile, ":", "note:", ":note", "note::", "note:note:", "\"", "-x", strings.Repeat("a ", 150), strings.Repeat("京", 100), "%_", "\u0301", strings.Repeat("\u0301", 150), "İ", "ẞ") {
			for _, reference := range []string{text, "note:" + text} {
				if got := u.call("GET", namedPath([]string{reference}), ""); got.status >= 500 {
					t.Errorf("%q: %d %s", reference, got.status, got.body)
				}
			}
		}
	})
}

// childrenOf is what an item comes with, by kind: how many there are, and the texts of those
// that are shown.
func (u user) childrenOf(reference string, more ...string) map[string]string {
	u.t.Helper()
	var found struct {
		Items []struct {
			Children map[string]struct {
				Total int
				Items []struct {
					UID     string
					Size    int
					Payload map[string]any
				}
			}
		}
	}
	u.call("GET", namedPath([]string{reference}, more...), "").is(200).into(&found)
	shown := map[string]string{}
	for kind, children := range found.Items[0].Children {
		texts := []any{}
		for _, each := range children.Items {
			if each.Payload == nil {
				texts = append(texts, each.Size > 0)
				continue
			}
			texts = append(texts, each.Payload["content"])
		}
		shown[kind] = fmt.Sprintf("%d%v", children.Total, texts)
	}
	return shown
}

func TestAnItemComesWithItsNewestChildren(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		for _, parent := range entity.Table {
			var kinds []*entity.Entity
			for _, e := range entity.Table {
				if e.Parent != nil && strings.Contains(fmt.Sprint(e.Parent.KindNames()), string(parent.Kind)) && parent.Parent == nil {
					kinds = append(kinds, e)
				}
			}
			it := u.has(parent, "").UID
			reference := string(parent.Kind) + ":" + it
			if got := u.childrenOf(reference, "children=2"); len(got) != len(kinds) {
				t.Errorf("%s: %v", parent.Kind, got)
			}
			if got := u.childrenOf(reference); len(got) != 0 {
				t.Errorf("%s, not asked: %v", parent.Kind, got)
			}
			for _, e := range kinds {
				var uids []string
				for n := range 4 {
					u.clock.advance(1e6)
					uids = append(uids, u.call("POST", path(e), "{"+namedParent(e, parent.Kind, it)+`,"content":"`+fmt.Sprint("no", n)+`"}`).is(201).item().UID)
				}
				u.call("PATCH", path(e)+"/"+uids[0], `{"content":"no0 changed"}`).is(200)
				kind := string(e.Kind)
				for more, want := range map[string]string{
					"children=0": "4[]", "children=2": "4[no2 no3]", "children=50": "4[no0 changed no1 no2 no3]", "children=2&maxBytes=1": "4[true true]",
				} {
					if got := u.childrenOf(reference, more)[kind]; got != want {
						t.Errorf("%s of %s, %s: %s, want %s", kind, parent.Kind, more, got, want)
					}
				}
				whole := u.call("GET", namedPath([]string{reference}, "children=50"), "").is(200)
				if alone := u.call("GET", path(e)+"/"+uids[1], "").is(200); !strings.Contains(string(whole.body), string(alone.body)) {
					t.Errorf("%s is not as it is read alone: %s", alone.body, whole.body)
				}
				bare := u.call("GET", path(e)+"/"+uids[1]+"?mirrors=false", "").is(200)
				if got := u.call("GET", namedPath([]string{reference}, "children=50", "mirrors=false"), "").is(200); !strings.Contains(string(got.body), string(bare.body)) || strings.Contains(string(got.body), "updatedTs") {
					t.Errorf("with the server's keys: %s", got.body)
				}
				u.call("DELETE", path(e)+"/"+uids[3], "").is(200)
				if got := u.childrenOf(reference, "children=2", "includeDeleted=true")[kind]; got != "3[no1 no2]" {
					t.Errorf("with a tombstone: %s", got)
				}
				u.call("DELETE", path(parent)+"/"+it, "").is(200)
				if got := u.childrenOf(reference, "children=2", "includeDeleted=true")[kind]; got != "3[no1 no2]" {
					t.Errorf("of a tombstone: %s", got)
				}
				if got := u.childrenOf(reference, "children=2"); len(got) != 0 {
					t.Errorf("of an item that is not shown: %v", got)
				}
			}
		}
		for _, number := range []string{"-1", "51", "x", "", "1&children=2"} {
			u.call("GET", "/v1/items?ref=a&children="+number, "").fails(400, "invalid_query")
		}
	})
}

func TestItemsComeBeforeTheirChildrenAndNewChildrenBeforeOldOnes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u := start(t).user("alice")
		chat, note := u.add("chats", map[string]any{"title": "Talk"}), u.note("Large", strings.Repeat("x", 2000))
		for n := range 5 {
			u.clock.advance(1e6)
			u.add("chat_messages", map[string]any{"chatUid": chat, "content": fmt.Sprint(n, strings.Repeat("m", 500))})
		}
		got := u.named([]string{"Talk", note}, "children=50", "maxBytes=4400")
		if got[0].Item.Payload == nil || got[1].Item.Payload == nil {
			t.Errorf("%+v", got)
		}
		message := strings.Repeat("m", 500)
		want := fmt.Sprintf("5[true true true 3%s 4%s]", message, message)
		if got := u.childrenOf("Talk", "children=50", "maxBytes=1900", "ref="+note)["chat_message"]; got != want {
			t.Errorf("%s", got)
		}
		bob := u.user("bob")
		bob.withUID(find("chat"), chat, `"title":"Talk"`)
		if got := bob.childrenOf("Talk", "children=50")["chat_message"]; got != "0[]" {
			t.Errorf("of another owner: %s", got)
		}
	})
}
