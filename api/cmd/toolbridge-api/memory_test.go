package main

import (
	"runtime/debug"
	"testing"
)

func TestTheCollectorIsTuned(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(1<<40)
	tuneCollector()
	if tuned, most := debug.SetGCPercent(percent), debug.SetMemoryLimit(limit); tuned != heapGrowth || most != memoryLimit {
		t.Errorf("grows by %d %%, up to %d bytes", tuned, most)
	}
}
