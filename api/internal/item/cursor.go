package item

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"toolbridge/api/internal/fault"
)

// Cursor is a place in a list: the next items are those behind it. At is the time that
// the list is sorted by, Title the title in a list by title, and NoDue says that the
// place is among items without a due date. List is the Binding of the query that it
// belongs to.
type Cursor struct {
	At    Millis
	Title string
	NoDue bool
	UID   string
	List  string
}

// cursor is the place of the item in a list.
func (i *Item) cursor(query Query) *Cursor {
	place := &Cursor{UID: i.UID, List: query.Binding()}
	switch due := i.Facets.Due; {
	case query.Sort == ByTitle:
		place.Title = i.Facets.Title
	case query.Sort == ByCreation:
		place.At = i.CreatedAt
	case query.Sort == ByDue && due == nil:
		place.NoDue = true
	case query.Sort == ByDue:
		place.At = *due
	default:
		place.At = i.StoredAt
	}
	return place
}

const noDue = "none"

// String is the opaque text that a client sends back.
func (c Cursor) String() string {
	plain := strconv.FormatInt(int64(c.At), 10)
	if c.NoDue {
		plain = noDue
	}
	plain += "|" + c.UID
	if c.List != "" {
		plain += "|" + c.List
	}
	if c.Title != "" {
		plain += "|" + c.Title // last: it may have any character
	}
	return base64.RawURLEncoding.EncodeToString([]byte(plain))
}

// ParseCursor reads exactly what String returned: a damaged cursor must not restart
// the list silently.
func ParseCursor(text string) (Cursor, error) {
	invalid := fault.New(fault.InvalidCursor, "invalid cursor: use a nextCursor of this list, or none for the first page")
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, invalid
	}
	parts := append(strings.SplitN(string(plain), "|", 4), "", "", "")
	cursor := Cursor{NoDue: parts[0] == noDue, UID: parts[1], List: parts[2], Title: parts[3]}
	if !cursor.NoDue {
		ms, err := strconv.ParseInt(parts[0], 10, 64)
		if err != nil {
			return Cursor{}, invalid
		}
		cursor.At = Millis(ms)
	}
	if canonical, ok := ParseUID(cursor.UID); !ok || canonical != cursor.UID || cursor.String() != text || !isSortKey(cursor.Title) {
		return Cursor{}, invalid
	}
	return cursor, nil
}

// isSortKey reports whether a text can be the title by which an item is sorted.
func isSortKey(text string) bool {
	return len(text) <= maxTitleKey && utf8.ValidString(text) && !strings.Contains(text, "\x00")
}
