package postgres

import (
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/search"
)

// wordsOf is the tsvector of what a search finds of an item.
func wordsOf(ref item.Ref, text item.Text) string {
	return search.NewTSVector(ref.Owner, ref.Kind, search.Text(text))
}
