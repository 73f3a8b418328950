package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"toolbridge/api/internal/entity"
	"toolbridge/api/internal/fault"
)

var update = flag.Bool("update", false, "rewrite testdata/contract.json")

// contract is what a client must agree with the API about. The gateway's tests
// compare its own declarations with it.
type contract struct {
	Entities   map[string]entity.Description `json:"entities"` // as /v1/sync/info publishes them
	Operations map[string]contractOperation  `json:"operations"`
	Errors     map[fault.Code]int            `json:"errors"` // code to status
}

// contractOperation is one operation on the items of every entity.
type contractOperation struct {
	Method      string `json:"method"`
	Path        string `json:"path"`        // {plural} stands for the entity
	Writes      bool   `json:"writes"`      // it changes what is stored
	Conditional bool   `json:"conditional"` // If-Match makes it depend on the version
}

func currentContract() contract {
	c := contract{entity.Describe(), map[string]contractOperation{}, map[fault.Code]int{}}
	one := entity.Table[0]
	for _, route := range (&API{}).itemRoutes(one) {
		c.Operations[route.name] = contractOperation{
			Method:      route.method,
			Path:        strings.Replace(route.pattern, one.Segment, "{plural}", 1),
			Writes:      route.method != "GET",
			Conditional: slices.ContainsFunc(route.parameters, func(p parameter) bool { return p.name == ifMatchParameter.name }),
		}
	}
	for code, described := range fault.Codes {
		c.Errors[code] = described.Status
	}
	return c
}

func TestTheContractIsTheOneInReview(t *testing.T) {
	t.Parallel()
	const golden = "testdata/contract.json"
	got, err := json.MarshalIndent(currentContract(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the contract changed: run `go test ./internal/httpapi -update` and review %s\n%s", golden, got)
	}
}
