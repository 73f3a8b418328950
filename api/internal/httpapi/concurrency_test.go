package httpapi_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"toolbridge/api/internal/entity"
)

// atOnce makes n calls at the same time, spread over two processes, and counts the
// responses by status.
func (u user) atOnce(n int, call func(u user, i int) answer) map[int]int {
	twin := u.on(u.twin())
	var begin, done sync.WaitGroup
	begin.Add(1)
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range n {
		who := u
		if i%2 == 1 {
			who = twin
		}
		done.Go(func() {
			begin.Wait()
			got := call(who, i)
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	begin.Done()
	done.Wait()
	return statuses
}

func TestParallelPatchesOfDifferentKeysKeepAllKeys(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		var versions sync.Map
		statuses := u.atOnce(40, func(u user, i int) answer {
			got := u.call("PATCH", one, fmt.Sprintf(`{"key%d":%d}`, i, i))
			if _, twice := versions.LoadOrStore(got.item().Version, i); twice {
				t.Errorf("version %d was told twice", got.item().Version)
			}
			return got
		})
		stored := u.call("GET", one, "").is(200).item()
		if statuses[200] != 40 || stored.Version != 41 {
			t.Errorf("statuses %v, version %d", statuses, stored.Version)
		}
		for i := range 40 {
			if stored.Payload[fmt.Sprintf("key%d", i)] != float64(i) {
				t.Errorf("key%d is lost", i)
			}
		}
	})
}

func TestParallelConditionalWritesHaveOneWinner(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		for i := range conditional(t, e, "") {
			row := conditional(t, e, path(e)+"/"+u.has(e, "").UID)[i]
			statuses := u.atOnce(20, func(u user, _ int) answer {
				return u.call(row[0], row[1], row[2], set("If-Match", "1"))
			})
			if statuses[200] != 1 || statuses[412]+statuses[410] != 19 {
				t.Errorf("%s %s: statuses %v", row[0], row[1], statuses)
			}
		}
	})
}

func TestParallelCreationsOfOneUIDHaveOneWinner(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		body := u.body(e, `"uid":"`+someUID+`"`)
		statuses := u.atOnce(20, func(u user, _ int) answer { return u.call("POST", path(e), body) })
		if statuses[201] != 1 || statuses[409] != 19 {
			t.Errorf("statuses %v", statuses)
		}
	})
}

func TestParallelDeletesHaveOneWinner(t *testing.T) {
	t.Parallel()
	forEachEntityAndStore(t, func(t *testing.T, u user, e *entity.Entity) {
		one := path(e) + "/" + u.has(e, "").UID
		var version atomic.Int64
		statuses := u.atOnce(20, func(u user, _ int) answer {
			got := u.call("DELETE", one, "")
			if got.status == 200 {
				version.Store(got.item().Version)
			}
			return got
		})
		if statuses[200] != 1 || statuses[410] != 19 || version.Load() != 2 {
			t.Errorf("statuses %v, version %d", statuses, version.Load())
		}
	})
}
