package entity_test

import (
	"testing"

	"toolbridge/api/internal/entity"
)

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
