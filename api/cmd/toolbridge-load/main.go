// Command toolbridge-load calls a REST API or an MCP server as fast as it
// answers, and reports how many calls there were, how long they took, and how
// much processor time the server and the command itself used. It reads a plan
// from standard input and writes a report to standard output, both as JSON.
// scripts/bench.sh uses it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	var p plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		fail(fmt.Errorf("the plan: %w", err))
	}
	report, err := p.run()
	if err != nil {
		fail(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(report)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "toolbridge-load:", err)
	os.Exit(1)
}
