package sqlite

import (
	"context"
	"database/sql"

	"toolbridge/api/internal/item"
)

// purgeEvery is how often expired answers are dropped, along with a write that
// keeps one.
const purgeEvery = item.Millis(60_000)

// keyOf is the key a write looks for: none is NULL, which nothing equals.
func keyOf(once *item.Once) any {
	if once == nil {
		return nil
	}
	return once.Key
}

// keepAnswer keeps what the client is told of a write. Only the writer whose turn
// it is comes here, so that purged needs no lock.
func (s *Store) keepAnswer(ctx context.Context, tx *sql.Tx, owner item.Owner, once *item.Once, next *item.Item, now item.Millis) error {
	if now >= s.purged+purgeEvery {
		if _, err := tx.StmtContext(ctx, s.write.purgeAnswers).ExecContext(ctx, int64(now)); err != nil {
			return err
		}
		s.purged = now
	}
	answer, expires := once.Answer(next), int64(now)+once.Keep.Milliseconds()
	_, err := tx.StmtContext(ctx, s.write.keepAnswer).ExecContext(ctx,
		owner.Tenant, owner.User, once.Key, once.Request, answer.Status, string(answer.Body), expires)
	return err
}
