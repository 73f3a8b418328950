package postgres

import (
	"strings"

	"toolbridge/api/internal/item"
)

// wordsOf is the tsvector of what a search finds of an item.
func wordsOf(_ item.Ref, text item.Text) string {
	words := strings.Fields(strings.ToLower(text.Title + " " + text.Body))
	for i, word := range words {
		words[i] = "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(word) + "'"
	}
	return strings.Join(words[:min(len(words), 1000)], " ")
}
