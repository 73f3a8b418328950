package auth_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"toolbridge/api/internal/auth"
)

// wall is a time of the clock that can be set.
var wall = time.Unix(1_764_331_200, 0)

// taking takes a nonce at so much time after the beginning.
func taking(t *testing.T, nonces *auth.Nonces, after time.Duration, process, random string, wanted auth.Reason) {
	t.Helper()
	if _, reason := nonces.Take(wall.Add(after), after, process, random); reason != wanted {
		t.Errorf("after %v, %s of %.4s: %q, want %q", after, random, process, reason, wanted)
	}
}

func TestANonceIsForgottenOnlyWhenItsTimeIsOver(t *testing.T) {
	var nonces auth.Nonces
	process := nonces.Process(wall, 0)
	for _, begin := range []time.Duration{0, 70 * time.Second, 124 * time.Second, 10 * time.Minute, 24 * time.Hour} {
		random := begin.String()
		taking(t, &nonces, begin, process, random, "")
		// Taken 60 s ahead of its time, it is good until 121 s later.
		for _, later := range []time.Duration{0, time.Second, 60 * time.Second, 121 * time.Second} {
			taking(t, &nonces, begin+later, process, random, auth.ReasonReplay)
		}
	}
	// Whoever asks meanwhile, and however often.
	begin := 48 * time.Hour
	taking(t, &nonces, begin, process, "first", "")
	for second := range 121 {
		after := begin + time.Duration(second)*time.Second
		taking(t, &nonces, after, process, fmt.Sprint(second), "")
		taking(t, &nonces, after, process, "first", auth.ReasonReplay)
	}
	taking(t, &nonces, begin+10*time.Minute, process, "last", "")
	if kept := nonces.Size(); kept != 1 {
		t.Errorf("%d are kept for ever", kept)
	}
}

func TestAMemoryThatIsNearlyFullIsFollowedByAnother(t *testing.T) {
	var nonces auth.Nonces
	first := nonces.Process(wall, 0)
	taken := 0
	for ; nonces.Process(wall, 0) == first; taken++ {
		taking(t, &nonces, 0, first, fmt.Sprint(taken), "")
	}
	second := nonces.Process(wall, 0)
	taking(t, &nonces, 0, first, "0", auth.ReasonReplay)
	taking(t, &nonces, 0, second, "0", "") // other requests
	for ; ; taken++ {                      // requests that were made for the first are taken while it has room
		if _, reason := nonces.Take(wall, 0, first, fmt.Sprint(taken)); reason != "" {
			if reason != auth.ReasonProcess || taken != auth.MaxNonces {
				t.Errorf("refused for %q after %d", reason, taken)
			}
			break
		}
	}
	taking(t, &nonces, 0, first, "1", auth.ReasonReplay)
	for i := 1; nonces.Process(wall, 0) == second; i++ {
		taking(t, &nonces, 0, second, fmt.Sprint(i), "")
	}
	taking(t, &nonces, 0, first, "1", auth.ReasonProcess)
	if kept := nonces.Size(); kept >= 2*auth.MaxNonces {
		t.Errorf("%d are kept", kept)
	}
}

func TestAMemoryBeginsAnewWhenTheClockWasSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, -2 * time.Second, 2 * time.Second, time.Hour} {
		var nonces auth.Nonces
		before := nonces.Process(wall, 0)
		taking(t, &nonces, 0, before, "one", "")
		current, reason := nonces.Take(wall.Add(by), 0, before, "two")
		if reason != auth.ReasonProcess || current == before || current != nonces.Process(wall.Add(by), time.Second/2) {
			t.Errorf("set by %v: %q, %t", by, reason, current == before)
		}
	}
	// A clock that is adjusted is none that was set: at most a second, twice in the time of a nonce.
	var nonces auth.Nonces
	process := nonces.Process(wall, 0)
	for hour := range 24 {
		after, off := time.Duration(hour)*time.Hour, time.Duration(hour)*900*time.Millisecond
		if nonces.Process(wall.Add(after+off), after) != process {
			t.Fatalf("begun anew after %d hours", hour)
		}
	}
}

func TestOfManyWhoTakeANonceAtOnceOneHasIt(t *testing.T) {
	var nonces auth.Nonces
	process := nonces.Process(wall, 0)
	var taken [1000]int
	var mu sync.Mutex
	var takers sync.WaitGroup
	for range 8 {
		takers.Go(func() {
			for i := range taken {
				if _, reason := nonces.Take(wall, 0, process, fmt.Sprint(i)); reason == "" {
					mu.Lock()
					taken[i]++
					mu.Unlock()
				}
			}
		})
	}
	takers.Wait()
	for i, times := range taken {
		if times != 1 {
			t.Fatalf("%d was taken %d times", i, times)
		}
	}
}

// TestAMillionNonces says what so many in two minutes take.
func TestAMillionNonces(t *testing.T) {
	const many = 1_000_000
	var nonces auth.Nonces
	randoms := make([]string, many)
	for i := range randoms {
		randoms[i] = fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, longest, refused := processorTime(), time.Duration(0), 0
	process := nonces.Process(wall, 0)
	for _, random := range randoms {
		once := time.Now()
		if _, reason := nonces.Take(wall, 0, process, random); reason != "" {
			refused++
			process = nonces.Process(wall, 0)
			nonces.Take(wall, 0, process, random)
		}
		longest = max(longest, time.Since(once))
	}
	took := processorTime() - began
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes := after.HeapAlloc - before.HeapAlloc
	t.Logf("%d nonces, %d kept: %.1f MB, %d bytes each; %d ns each, the longest took %v; signed again: %d",
		many, nonces.Size(), float64(bytes)/1e6, int(bytes)/nonces.Size(), took.Nanoseconds()/many, longest, refused)
	if bytes > 64<<20 {
		t.Errorf("%d bytes", bytes)
	}
	for _, random := range randoms[many-1000:] {
		if _, reason := nonces.Take(wall, 0, process, random); reason != auth.ReasonReplay {
			t.Fatal("taken twice")
		}
	}
}
