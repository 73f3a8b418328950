package item

import (
	"encoding/base64"
	"strconv"
	"strings"

	"toolbridge/api/internal/fault"
)

// Cursor is a place in a list: the next items are those after (StoredAt, UID). List
// is the Binding of the query that it belongs to.
type Cursor struct {
	StoredAt Millis
	UID      string
	List     string
}

// cursor is the place of the item.
func (i *Item) cursor() *Cursor { return &Cursor{StoredAt: i.StoredAt, UID: i.UID} }

// String is the opaque text that a client sends back.
func (c Cursor) String() string {
	plain := strconv.FormatInt(int64(c.StoredAt), 10) + "|" + c.UID
	if c.List != "" {
		plain += "|" + c.List
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
	millis, rest, _ := strings.Cut(string(plain), "|")
	uid, list, _ := strings.Cut(rest, "|")
	ms, err := strconv.ParseInt(millis, 10, 64)
	if err != nil {
		return Cursor{}, invalid
	}
	cursor := Cursor{StoredAt: Millis(ms), UID: uid, List: list}
	if canonical, ok := ParseUID(uid); !ok || canonical != uid || cursor.String() != text {
		return Cursor{}, invalid
	}
	return cursor, nil
}
