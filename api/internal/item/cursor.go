package item

import (
	"encoding/base64"
	"strconv"
	"strings"

	"toolbridge/api/internal/fault"
)

// Cursor is a place in a list: items strictly after the pair come next. List is
// the Binding of the query it belongs to.
type Cursor struct {
	StoredAt Millis
	UID      string
	List     string
}

// cursor gives the place of the item.
func (i *Item) cursor() *Cursor { return &Cursor{StoredAt: i.StoredAt, UID: i.UID} }

// String gives the opaque text a client sends back.
func (c Cursor) String() string {
	plain := strconv.FormatInt(int64(c.StoredAt), 10) + "|" + c.UID
	if c.List != "" {
		plain += "|" + c.List
	}
	return base64.RawURLEncoding.EncodeToString([]byte(plain))
}

// ParseCursor reads what String gave, and nothing else: a damaged cursor must
// not quietly restart the list.
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
