package main

import "runtime/debug"

const (
	// heapGrowth is by how many percent the heap may grow before garbage is collected. Little
	// is in use at a time, so that with Go's own 100 a quarter of the processor time of a
	// read went into collections.
	heapGrowth = 300

	// memoryLimit is from how many bytes on garbage is collected more often instead. The API
	// shares a container with the gateway.
	memoryLimit = 64 << 20
)

// tuneCollector sets how often garbage is collected.
func tuneCollector() {
	debug.SetGCPercent(heapGrowth)
	debug.SetMemoryLimit(memoryLimit)
}
