package main

import (
	"runtime/debug"
	"testing"
)

// collector is how often garbage is collected.
type collector struct {
	percent int
	limit   int64
}

// set makes it so, and returns what was before.
func (c collector) set() collector {
	return collector{debug.SetGCPercent(c.percent), debug.SetMemoryLimit(c.limit)}
}

func TestTheCollectorIsTunedUnlessItsVariablesAreSet(t *testing.T) {
	fresh := collector{100, 1 << 40}
	before := fresh.set()
	defer before.set()
	for _, row := range []struct {
		growth, limit string
		want          collector
	}{
		{"", "", collector{heapGrowth, memoryLimit}},
		{"50", "", collector{fresh.percent, memoryLimit}},
		{"off", "1GiB", fresh},
	} {
		t.Setenv("GOGC", row.growth)
		t.Setenv("GOMEMLIMIT", row.limit)
		tuneCollector()
		if got := fresh.set(); got != row.want {
			t.Errorf("GOGC=%s GOMEMLIMIT=%s: %+v", row.growth, row.limit, got)
		}
	}
}
