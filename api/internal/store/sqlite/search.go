package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
)

// document is the columns text_scope, text_title and text_body of saving: NULL when
// what a search finds has not changed.
func document(ref item.Ref, next *item.Item) []any {
	if next.Text == nil || next.Deleted() {
		return []any{nil, nil, nil}
	}
	code := codeOf(ref.Owner)
	return []any{code + string(ref.Kind), words(code, next.Text.Title), words(code, next.Text.Body)}
}

// codeOf is the beginning of all words of an owner.
func codeOf(owner account.Owner) string {
	const length = 5
	sum := sha256.Sum256([]byte(owner.Tenant + "\x00" + owner.User))
	return hex.EncodeToString(sum[:])[:length]
}

// words are those of a text, each behind the code of its owner.
func words(code, text string) string {
	var all strings.Builder
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		all.WriteString(code)
		all.WriteString(word)
		all.WriteByte(' ')
	}
	return all.String()
}
