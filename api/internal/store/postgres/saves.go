package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// saving is the one statement that stores an item with its tags and the kept
// answer, as it is put together. The parts are CTEs of the item's own upsert, in
// a statement that sees nothing of what they do: no two may touch one row.
type saving struct {
	parts     []string
	arguments []any
	saves     *pgx.Batch // takes what has to be a statement of its own, before this one

	// On CockroachDB, which refuses a statement that changes one table twice.
	apart bool
}

// isApart says whether the server is a CockroachDB, which tells its version when
// a connection begins.
func isApart(conn *pgx.Conn) bool { return conn.PgConn().ParameterStatus("crdb_version") != "" }

// with adds a part.
func (s *saving) with(text string, arguments ...any) {
	s.parts = append(s.parts, s.numbered(text, arguments))
}

// twice adds a part that changes the same table as another one does.
func (s *saving) twice(text string, arguments ...any) {
	if !s.apart {
		s.with(text, arguments...)
		return
	}
	alone := &saving{}
	s.saves.Queue(alone.numbered(text, arguments), alone.arguments...)
}

// numbered gives a text of the statement, with its arguments among all others.
func (s *saving) numbered(text string, arguments []any) string {
	before := len(s.arguments)
	s.arguments = append(s.arguments, arguments...)
	return numbered(text, before)
}

// numbered gives the text with a parameter in place of each question mark, the
// first one behind so many others.
func numbered(text string, before int) string {
	var b strings.Builder
	for i, piece := range strings.Split(text, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(before+i))
		}
		b.WriteString(piece)
	}
	return b.String()
}

// item gives the whole statement, which ends with the upsert of the item.
func (s *saving) item(ref item.Ref, next *item.Item) (text string, arguments []any) {
	upsert := s.numbered(sqlSaveItem, append(relational.Values(next, next.Payload, tagsOf(next)), relational.Key(ref)...))
	var b strings.Builder
	for i, part := range s.parts {
		b.WriteString([]string{"WITH", ","}[min(i, 1)] + " part" + strconv.Itoa(i) + " AS (" + part + ")\n")
	}
	return b.String() + upsert, s.arguments
}

// retag moves an item in the index of tags. Tags that stay the same are moved,
// others removed and added.
func (s *saving) retag(ref item.Ref, was, is *stored) {
	before, after := int64(was.item.StoredAt), int64(is.item.StoredAt)
	gone, fresh := was.tags, is.tags
	switch {
	case before == after: // their rows are the same too
		gone, fresh = without(was.tags, is.tags), without(is.tags, was.tags)
	case len(gone) > 0 && slices.Equal(gone, fresh):
		s.with(sqlMoveTags, append(append([]any{after}, relational.Key(ref)...), before, gone)...)
		return
	}
	if len(fresh) > 0 {
		s.with(sqlAddTags, append(relational.Key(ref), after, fresh)...)
	}
	remove := s.with
	if len(fresh) > 0 {
		remove = s.twice
	}
	if len(gone) > 0 {
		remove(sqlRemoveTags, append(relational.Key(ref), before, gone)...)
	}
}

// without gives the tags that are not among others.
func without(tags, others []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return slices.Contains(others, tag) })
}

// keepAnswer keeps what the client is told of a write with a key, and may drop
// what has expired.
func (s *saving) keepAnswer(owner item.Owner, once *item.Once, next *item.Item, now item.Millis, purge bool) {
	answer, expires := once.Answer(next), int64(now)+once.Keep.Milliseconds()
	s.with(sqlKeepAnswer, owner.Tenant, owner.User, once.Key, once.Request, answer.Status, string(answer.Body), expires)
	if purge {
		s.twice(sqlPurgeAnswers, int64(now), owner.Tenant, owner.User, once.Key)
	}
}
