package sqlite

import (
	"context"
	"database/sql"

	"toolbridge/api/internal/item"
)

// keyOf is the key a write looks for: none is NULL, which nothing equals.
func keyOf(once *item.Once) any {
	if once == nil {
		return nil
	}
	return once.Key
}

// keepAnswer keeps what the client is told of a write.
func (s *Store) keepAnswer(ctx context.Context, tx *sql.Tx, owner item.Owner, once *item.Once, next *item.Item, now item.Millis) error {
	answer, expires := once.Answer(next), int64(now)+once.Keep.Milliseconds()
	_, err := tx.StmtContext(ctx, s.write.keepAnswer).ExecContext(ctx,
		owner.Tenant, owner.User, once.Key, once.Request, answer.Status, string(answer.Body), expires, int64(now))
	return err
}
