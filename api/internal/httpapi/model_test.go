package httpapi_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"toolbridge/api/internal/httpapi"
)

var rounds = flag.Int("rounds", 300, "how many random writes are compared with a model")

// shape is what an item is: whether it lives, and its fields as JSON.
type shape struct {
	live   bool
	fields map[string]string
}

// modelled is what happened to one item, version by version.
type modelled struct{ versions []shape }

func (m *modelled) now() shape {
	if m == nil || len(m.versions) == 0 {
		return shape{}
	}
	return m.versions[len(m.versions)-1]
}

// did is one change: what it made of an item.
type did struct {
	uid           string
	before, after shape
	existed       bool
}

// model is the notes of a user, and what was done to them.
type model struct {
	items   map[string]*modelled
	changes map[int64]did
	batches map[int64][]int64
	last    int64
}

func newModel() *model {
	return &model{items: map[string]*modelled{}, changes: map[int64]did{}, batches: map[int64][]int64{}}
}

// clone is a copy for an attempt that may be refused.
func (m *model) clone() *model {
	c := &model{items: map[string]*modelled{}, changes: maps.Clone(m.changes), batches: maps.Clone(m.batches), last: m.last}
	for uid, item := range m.items {
		c.items[uid] = &modelled{slices.Clone(item.versions)}
	}
	return c
}

func (m *model) set(uid string, next shape) {
	item, existed := m.items[uid]
	if !existed {
		item = &modelled{}
		m.items[uid] = item
	}
	m.last++
	m.changes[m.last] = did{uid, item.now(), next, existed}
	item.versions = append(item.versions, next)
}

// operationOf is one random write. A batch has several.
type operationOf struct {
	what    string // create, patch, replace, delete, restore, undo, batch
	uid     string
	fields  map[string]string
	version int // of a restoration; 0: none
	change  int64
	several []operationOf
}

// make makes the write in the model and returns the status that it must have.
func (m *model) make(o operationOf) int {
	item, exists := m.items[o.uid]
	now := item.now()
	if slices.Contains([]string{"patch", "replace", "delete"}, o.what) && !now.live {
		return map[bool]int{true: 410, false: 404}[exists]
	}
	switch o.what {
	case "create":
		if exists {
			return 409
		}
		m.set(o.uid, shape{true, o.fields})
		return 201
	case "patch", "replace":
		next := maps.Clone(o.fields)
		if o.what == "patch" {
			next = maps.Clone(now.fields)
			maps.Copy(next, o.fields)
		}
		if !maps.Equal(next, now.fields) {
			m.set(o.uid, shape{true, next})
		}
	case "delete":
		m.set(o.uid, shape{false, now.fields})
	case "restore":
		return m.restore(o, now, exists)
	case "undo":
		return m.undo([]int64{o.change})
	case "undo batch":
		return m.undo(m.batches[o.change])
	case "batch":
		return m.batch(o)
	}
	return 200
}

func (m *model) restore(o operationOf, now shape, exists bool) int {
	switch {
	case !exists:
		return 404
	case now.live && o.version == 0:
		return 422
	case o.version > len(m.items[o.uid].versions):
		return 410
	case o.version > 0 && !m.items[o.uid].versions[o.version-1].live:
		return 422
	}
	fields := now.fields
	if o.version > 0 {
		fields = m.items[o.uid].versions[o.version-1].fields
	}
	if !now.live || !maps.Equal(fields, now.fields) {
		m.set(o.uid, shape{true, fields})
	}
	return 200
}

func (m *model) batch(o operationOf) int {
	attempt := m.clone()
	first := attempt.last + 1
	for _, one := range o.several {
		if status := attempt.make(one); status >= 400 {
			return status
		}
	}
	m.keepBatch(attempt, first)
	return 200
}

// keepBatch takes over what an attempt has done.
func (m *model) keepBatch(attempt *model, first int64) {
	*m = *attempt
	for seq := first; seq <= m.last; seq++ {
		m.batches[first] = append(m.batches[first], seq)
	}
}

// undo takes changes back, the last one first.
func (m *model) undo(changes []int64) int {
	attempt := m.clone()
	first := attempt.last + 1
	for _, seq := range slices.Backward(changes) {
		if !attempt.takeBack(attempt.changes[seq]) {
			return 409
		}
	}
	m.keepBatch(attempt, first)
	return 200
}

// takeBack reports whether nothing is in the way.
func (m *model) takeBack(c did) bool {
	now := m.items[c.uid].now()
	lived := c.existed && c.before.live
	switch {
	case lived && c.after.live && !now.live:
		return false
	case lived && c.after.live:
		return m.setBack(c, now)
	case lived && !now.live:
		m.set(c.uid, shape{true, now.fields})
	case !lived && c.after.live && now.live:
		if !maps.Equal(now.fields, c.after.fields) {
			return false
		}
		m.set(c.uid, shape{false, now.fields})
	}
	return true
}

func (m *model) setBack(c did, now shape) bool {
	next := maps.Clone(now.fields)
	for key := range fieldNames(c.before.fields, c.after.fields) {
		was, had := c.before.fields[key]
		made, has := c.after.fields[key]
		is, there := now.fields[key]
		switch {
		case had == has && was == made: // not changed
		case there == has && is == made:
			if delete(next, key); had {
				next[key] = was
			}
		case there != had || is != was:
			return false
		}
	}
	if !maps.Equal(next, now.fields) {
		m.set(c.uid, shape{true, next})
	}
	return true
}

func fieldNames(all ...map[string]string) map[string]bool {
	names := map[string]bool{}
	for _, fields := range all {
		for name := range fields {
			names[name] = true
		}
	}
	return names
}

// randomOperation is a write of some items. Changes up to the last one may be undone.
func randomOperation(random *rand.Rand, uids []string, last int64, batches []int64) operationOf {
	o := randomWrite(random, uids)
	back := func(n int64) int64 { return max(1, n-random.Int64N(12)) }
	switch pick := random.IntN(20); {
	case pick < 5 && last > 0:
		return operationOf{what: "undo", change: back(last)}
	case pick < 7 && len(batches) > 0:
		return operationOf{what: "undo batch", change: batches[max(0, len(batches)-1-random.IntN(4))]}
	case pick < 9:
		o.what, o.version = "restore", random.IntN(6)
	case pick < 12:
		o = operationOf{what: "batch"}
		for range 1 + random.IntN(4) {
			o.several = append(o.several, randomWrite(random, uids))
		}
	}
	return o
}

func randomWrite(random *rand.Rand, uids []string) operationOf {
	o := operationOf{what: []string{"create", "patch", "patch", "patch", "replace", "replace", "delete"}[random.IntN(7)], uid: uids[random.IntN(len(uids))]}
	o.fields = map[string]string{}
	for range 1 + random.IntN(2) {
		o.fields[string("abcd"[random.IntN(4)])] = []string{"1", "1.0", `"x"`, `"é"`, "null", "[1]"}[random.IntN(6)]
	}
	return o
}

// send makes the write over HTTP.
func (u user) write(o operationOf) answer {
	path := "/v1/notes/" + o.uid
	switch o.what {
	case "create":
		return u.call("POST", "/v1/notes", objectOf(o.fields, `"uid":"`+o.uid+`"`))
	case "patch":
		return u.call("PATCH", path, objectOf(o.fields))
	case "replace":
		return u.call("PUT", path, objectOf(o.fields))
	case "delete":
		return u.call("DELETE", path, "")
	case "restore":
		body := ""
		if o.version > 0 {
			body = fmt.Sprintf(`{"version":%d}`, o.version)
		}
		return u.call("POST", path+"/restore", body)
	case "undo":
		return u.call("POST", "/v1/undo", fmt.Sprintf(`{"change_id":"c%d"}`, o.change))
	case "undo batch":
		return u.call("POST", "/v1/undo", fmt.Sprintf(`{"batch_id":"b%d"}`, o.change))
	}
	var all []string
	for _, one := range o.several {
		member := `{"op":"` + one.what + `","kind":"note","uid":"` + one.uid + `"`
		if one.what != "delete" {
			member += `,"payload":` + objectOf(one.fields)
		}
		all = append(all, member+"}")
	}
	return u.call("POST", "/v1/batch", `{"operations":[`+strings.Join(all, ",")+`]}`)
}

func objectOf(fields map[string]string, members ...string) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		members = append(members, `"`+name+`":`+fields[name])
	}
	return "{" + strings.Join(members, ",") + "}"
}

// compare compares all items with the model.
func (m *model) compare(u user) {
	u.t.Helper()
	for uid, item := range m.items {
		got := u.call("GET", "/v1/notes/"+uid+"?includeDeleted=true", "").is(http.StatusOK)
		var found struct {
			Version   int
			DeletedAt string
			Payload   map[string]json.RawMessage
		}
		if err := json.Unmarshal(got.body, &found); err != nil {
			u.t.Fatal(err)
		}
		fields := map[string]string{}
		for key, value := range found.Payload {
			if len(key) == 1 {
				fields[key] = string(value)
			}
		}
		if want := item.now(); found.Version != len(item.versions) || (found.DeletedAt == "") != want.live || !reflect.DeepEqual(fields, want.fields) {
			u.t.Fatalf("%s is %s\nthe model has version %d, %+v", uid, got.body, len(item.versions), want)
		}
	}
}

func modelUIDs(n int) (uids []string) {
	for i := range n {
		uids = append(uids, fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", i))
	}
	return uids
}

func manyPushes(api *httpapi.API) { api.Items.MaxPushItems = 1000 }

func TestRandomWritesUndosAndRestorationsAreThoseOfAModel(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		u, m, random := start(t, manyPushes).user("alice"), newModel(), rand.New(rand.NewPCG(3, 7))
		uids := modelUIDs(6)
		outcomes := map[string]int{}
		for n := range *rounds {
			o := randomOperation(random, uids, m.last, slices.Sorted(maps.Keys(m.batches)))
			before := m.last
			want, got := m.make(o), u.write(o)
			outcomes[fmt.Sprint(o.what, " ", want)]++
			if got.status != want && !(o.what == "batch" && want >= 400 && got.status >= 400) {
				t.Fatalf("round %d: %+v: %d %s, the model says %d", n, o, got.status, got.body, want)
			}
			if wrote := got.header.Get("X-Change-Id") != ""; wrote != (m.last > before) {
				t.Fatalf("round %d: %+v: %s %s, the model has %d changes after %d", n, o, got.header, got.body, m.last, before)
			}
			if n%20 == 0 {
				m.compare(u)
			}
		}
		m.compare(u)
		t.Log(outcomes)
	})
}

// made is a write that several writers made at once, and what it was answered.
type made struct {
	operationOf
	answer
	seq int64 // of its first change
}

// TestWritesOfManyAreThoseOfAModelInTheOrderOfTheJournal lets several write at once, and
// replays what was made in the order in which it was stored.
func TestWritesOfManyAreThoseOfAModelInTheOrderOfTheJournal(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, start starter) {
		const writers = 4
		u := start(t, manyPushes).user("alice")
		uids := modelUIDs(5)
		var mu sync.Mutex
		var all []made
		var last int64
		var batches []int64
		var running sync.WaitGroup
		for writer := range writers {
			running.Go(func() {
				random := rand.New(rand.NewPCG(uint64(writer), 1))
				for range *rounds / writers {
					mu.Lock()
					o := randomOperation(random, uids, last, batches)
					mu.Unlock()
					got := u.write(o)
					if got.status >= 500 {
						t.Errorf("%+v: %d %s", o, got.status, got.body)
					}
					id := got.header.Get("X-Change-Id")
					if id == "" {
						continue
					}
					seq, _ := strconv.ParseInt(id[1:], 10, 64)
					mu.Lock()
					all = append(all, made{o, got, seq})
					if last = max(last, seq); id[0] == 'b' {
						batches = append(batches, seq)
					}
					mu.Unlock()
				}
			})
		}
		running.Wait()
		slices.SortFunc(all, func(a, b made) int { return cmp.Compare(a.seq, b.seq) })
		m := newModel()
		for _, one := range all {
			if one.seq != m.last+1 {
				t.Fatalf("%+v has change %d behind %d", one.operationOf, one.seq, m.last)
			}
			if want := m.make(one.operationOf); want != one.status || m.last < one.seq {
				t.Fatalf("change %d: %+v: %d %s, the model says %d", one.seq, one.operationOf, one.status, one.body, want)
			}
		}
		m.compare(u)
	})
}
