package entity_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"toolbridge/api/internal/entity"
)

var update = flag.Bool("update", false, "rewrite testdata/table.json")

func TestThePublishedTableIsTheOneInReview(t *testing.T) {
	const golden = "testdata/table.json"
	got, err := json.MarshalIndent(entity.Describe(), "", "  ")
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
		t.Errorf("the table changed: run `go test ./internal/entity -update` and review %s\n%s", golden, got)
	}
}

func TestEveryRowCanBeServed(t *testing.T) {
	kinds, segments := map[entity.Kind]bool{}, map[string]bool{}
	for _, e := range entity.Table {
		if kinds[e.Kind] || segments[e.Segment] {
			t.Errorf("%s: kind or segment is used twice", e.Kind)
		}
		kinds[e.Kind], segments[e.Segment] = true, true
		if len(e.Archive) == 0 || len(e.Actions) == 0 {
			t.Errorf("%s: archive and process need something to write", e.Kind)
		}
	}
	for _, e := range entity.Table {
		if e.Parent == nil {
			continue
		}
		for _, kind := range e.Parent.Kinds {
			if !kinds[kind] {
				t.Errorf("%s: parent kind %s is not in the table", e.Kind, kind)
			}
		}
	}
}
