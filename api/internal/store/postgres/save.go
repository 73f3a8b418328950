package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"toolbridge/api/internal/account"
	"toolbridge/api/internal/item"
	"toolbridge/api/internal/store/relational"
)

// saveStatement builds the one statement that stores an item, its tags and the
// kept answer. Its parts are CTEs in front of the item's own upsert, and may be
// none. A PATCH with an idempotency key that replaces the tag "a" by "b" gives:
//
//	WITH part0 AS (INSERT INTO item_tag (tenant, owner, kind, uid, stored_ms, tag)
//		SELECT $1, $2, $3, $4, CAST($5 AS BIGINT), tag FROM unnest(CAST($6 AS TEXT[])) AS tags (tag))
//	, part1 AS (DELETE FROM item_tag
//		WHERE tenant = $7 AND owner = $8 AND kind = $9 AND uid = $10 AND stored_ms = $11 AND tag = ANY ($12))
//	, part2 AS (INSERT INTO idempotency (tenant, owner, key, request, status, uid, version, body, expires_ms)
//		VALUES ($13, $14, $15, $16, $17, $18, $19, $20, $21)
//		ON CONFLICT (tenant, owner, key) DO UPDATE SET request = excluded.request, …)
//	INSERT INTO item (version, updated_ms, stored_ms, …, tenant, owner, kind, uid)
//		VALUES ($22, $23, $24, …, $32, $33, $34, $35)
//		ON CONFLICT (tenant, owner, kind, uid) DO UPDATE SET version = excluded.version, …
//
// No part sees what another one does, so no two may touch the same row.
type saveStatement struct {
	parts     []string
	arguments []any

	// CockroachDB refuses a statement that changes one table twice. There, the
	// second change of a table is a statement of its own, before this one.
	apart  bool
	before *pgx.Batch
}

// isCockroach reports whether the server is a CockroachDB, which sends its
// version when a connection begins.
func isCockroach(conn *pgx.Conn) bool { return conn.PgConn().ParameterStatus("crdb_version") != "" }

func (s *saveStatement) addPart(text string, arguments ...any) {
	s.parts = append(s.parts, s.addArguments(text, arguments))
}

// addSecondPart adds a part that changes the same table as another part.
func (s *saveStatement) addSecondPart(text string, arguments ...any) {
	if s.apart {
		s.before.Queue(numbered(text, 0), arguments...)
		return
	}
	s.addPart(text, arguments...)
}

// addArguments returns the text with its parameters numbered behind those that
// the statement has already.
func (s *saveStatement) addArguments(text string, arguments []any) string {
	before := len(s.arguments)
	s.arguments = append(s.arguments, arguments...)
	return numbered(text, before)
}

// numbered puts $1, $2 and so on in place of the question marks of a text. The
// numbers begin behind so many others.
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

// upsert completes the statement with the upsert of the item.
func (s *saveStatement) upsert(ref item.Ref, next *item.Item) (text string, arguments []any) {
	values := append(relational.Values(next, next.Payload, tagsOf(next)), relational.Key(ref)...)
	upsert := s.addArguments(sqlSaveItem, values)
	if len(s.parts) == 0 {
		return upsert, s.arguments
	}
	parts := make([]string, len(s.parts))
	for i, part := range s.parts {
		parts[i] = "part" + strconv.Itoa(i) + " AS (" + part + ")\n"
	}
	return "WITH " + strings.Join(parts, ", ") + upsert, s.arguments
}

// updateTags brings the index of tags in line with an item. Its rows have the
// item's StoredAt: tags that stay are moved to the new one, others removed or
// added.
func (s *saveStatement) updateTags(ref item.Ref, was, is *taggedItem) {
	before, after := int64(was.item.StoredAt), int64(is.item.StoredAt)
	removed, added := was.tags, is.tags
	switch {
	case before == after: // the rows of tags that stay are the same, too
		removed, added = without(was.tags, is.tags), without(is.tags, was.tags)
	case len(removed) > 0 && slices.Equal(removed, added):
		s.addPart(sqlMoveTags, append(append([]any{after}, relational.Key(ref)...), before, removed)...)
		return
	}
	if len(added) > 0 {
		s.addPart(sqlAddTags, append(relational.Key(ref), after, added)...)
	}
	remove := s.addPart
	if len(added) > 0 {
		remove = s.addSecondPart
	}
	if len(removed) > 0 {
		remove(sqlRemoveTags, append(relational.Key(ref), before, removed)...)
	}
}

// without returns the tags that are not among others.
func without(tags, others []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return slices.Contains(others, tag) })
}

// keepAnswer keeps the answer to a write with a key. Of a hundred chances, one drops
// expired answers, and one those that the owner has too many of.
func (s *saveStatement) keepAnswer(owner account.Owner, once *item.Once, next *item.Item, now item.Millis, chance int) {
	s.addPart(sqlKeepAnswer, relational.Kept(owner, once, next, now)...)
	switch chance {
	case 0:
		s.addSecondPart(sqlPurgeAnswers, int64(now), owner.Tenant, owner.User, once.Key)
	case 1:
		s.addSecondPart(sqlDropSurplus, owner.Tenant, owner.User, once.Key, owner.Tenant, owner.User, item.MaxKept)
	}
}
